// Copyright 2026 The BLS-GAN bundle contributors
// Licensed under the Apache License, Version 2.0 (the "License");
// you may not use this file except in compliance with the License.
// You may obtain a copy of the License at
//     http://www.apache.org/licenses/LICENSE-2.0
// Unless required by applicable law or agreed to in writing, software
// distributed under the License is distributed on an "AS IS" BASIS,
// WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
// See the License for the specific language governing permissions and
// limitations under the License.

// The extension as OHIF loads it: its modules, and what it does when its mode is entered and left.

import { checkMasks, findJoints, guardMasks, leaveStudy, markJoints, separateWithMasks } from './commands.js';
import { ID, PROTOCOL } from './constants.js';
import { protocol, registerAttribute } from './hangingProtocol.js';
import { JointsPanel, redrawPanels } from './JointsPanel.js';
import { onChange, state } from './state.js';
import { displaySetProperties } from './study/displaySets.js';
import { customizeDisplaySets } from './study/studyMetadata.js';
import { getToolbarModule } from './toolbarModule.js';
import { requestInfo } from './utils/api.js';
import { loadStyle } from './utils/dom.js';
import { getServices, refreshToolbar, setManagers } from './utils/ohif.js';
import { exportPanes } from './viewports/exportPanes.js';
import { toggleMasks } from './viewports/masks.js';
import { deleteMeasurement } from './viewports/measurements.js';
import { showReport } from './viewports/report.js';
import { showJointOfThumbnail, showOpenedStudy } from './viewports/showJoint.js';
import { registerSpacing } from './viewports/spacing.js';

let subscriptions = [];

/** Call an action at events of a service of OHIF, until the mode is left. */
function subscribe(service, events, action) {
  for (const event of events) {
    subscriptions.push(service.subscribe(service.EVENTS[event], action));
  }
}

export default {
  id: ID,
  version: '0.0.0',

  preRegistration(managers) {
    setManagers(managers);
    loadStyle();
    customizeDisplaySets(displaySetProperties);
    onChange(redrawPanels);
    onChange(refreshToolbar);
  },

  onModeEnter() {
    registerAttribute();
    registerSpacing();
    subscriptions.push({ unsubscribe: guardMasks() });
    requestInfo().then(info => (state.regionMm = info.region_mm), console.error);
    const { displaySetService, segmentationService, viewportGridService } = getServices();
    subscribe(displaySetService, ['DISPLAY_SETS_ADDED', 'DISPLAY_SETS_REMOVED'], redrawPanels);
    // Not before the radiograph hangs: OHIF finds no image for its lines.
    subscribe(displaySetService, ['DISPLAY_SETS_ADDED'], () => state.joint && showReport(state.source));
    subscribe(viewportGridService, ['GRID_STATE_CHANGED'], showJointOfThumbnail);
    subscribe(segmentationService, ['SEGMENTATION_DATA_MODIFIED'], checkMasks);
  },

  onModeExit() {
    leaveStudy();
    subscriptions.forEach(({ unsubscribe }) => unsubscribe());
    subscriptions = [];
  },

  getHangingProtocolModule: () => [{ name: PROTOCOL, protocol }],
  getPanelModule: () => [
    { name: 'joints', iconName: 'tab-segmentation', iconLabel: 'Joints', label: 'Joints', component: JointsPanel },
  ],
  getToolbarModule,

  getCommandsModule: () => ({
    actions: {},
    definitions: {
      markJoints: { commandFn: markJoints },
      findJoints: { commandFn: findJoints },
      exportPanes: { commandFn: exportPanes },
      deleteMeasurement: { commandFn: deleteMeasurement },
      showOpenedStudy: { commandFn: showOpenedStudy },
      separateWithMasks: { commandFn: separateWithMasks },
      toggleMasks: { commandFn: () => toggleMasks(state.source) },
    },
    defaultContext: 'DEFAULT',
  }),
};

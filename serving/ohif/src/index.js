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

// The extension as OHIF loads it: what it is made of, and when it is there.

import { loadStyle } from './utils/dom.js';
import { leave, markJoints, masksEdited, separateWithMasks } from './commands.js';
import { protocol, register } from './hangingProtocol.js';
import { toggleMasks } from './viewports/masks.js';
import { ID, PROTOCOL } from './constants.js';
import { JointsPanel, redraw } from './JointsPanel.js';
import { standsAs } from './study/displaySets.js';
import { followThumbnail, settleOpened } from './viewports/showJoint.js';
import { onChange, state } from './state.js';
import { watch } from './study/studyMetadata.js';
import { toolbarModule } from './toolbarModule.js';
import { keep, services } from './utils/ohif.js';

let subscriptions = [];

function follow(service, events, action) {
  for (const event of events) {
    subscriptions.push(service.subscribe(service.EVENTS[event], action));
  }
}

export default {
  id: ID,
  version: '0.0.0',

  preRegistration(managers) {
    keep(managers);
    loadStyle();
    watch(standsAs);
    onChange(redraw);
  },

  onModeEnter() {
    register();
    const { displaySetService, segmentationService, viewportGridService } = services();
    follow(displaySetService, ['DISPLAY_SETS_ADDED', 'DISPLAY_SETS_REMOVED'], redraw);
    follow(viewportGridService, ['GRID_STATE_CHANGED'], followThumbnail);
    follow(segmentationService, ['SEGMENTATION_DATA_MODIFIED'], masksEdited);
  },

  onModeExit() {
    leave();
    subscriptions.forEach(({ unsubscribe }) => unsubscribe());
    subscriptions = [];
  },

  getHangingProtocolModule: () => [{ name: PROTOCOL, protocol }],
  getPanelModule: () => [
    { name: 'joints', iconName: 'tab-segmentation', iconLabel: 'Joints', label: 'Joints', component: JointsPanel },
  ],
  getToolbarModule: toolbarModule,

  getCommandsModule: () => ({
    actions: {},
    definitions: {
      markJoints: { commandFn: markJoints },
      settleOpened: { commandFn: settleOpened },
      separateWithMasks: { commandFn: separateWithMasks },
      toggleMasks: { commandFn: () => toggleMasks(state().source) },
    },
    defaultContext: 'DEFAULT',
  }),
};

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

import { loadStyle } from './elements.js';
import { markJoints, masksEdited, onChange, separateWithMasks, settleOpened, state } from './flow.js';
import { protocol, register } from './hanging.js';
import { unlink } from './linking.js';
import { stop } from './marking.js';
import { toggleMasks } from './masks.js';
import { ID, PROTOCOL } from './names.js';
import { JointsPanel, redraw } from './panel.js';
import { watch } from './study.js';
import { toolbarModule } from './toolbar.js';
import { keep, notify, services } from './viewer.js';

let subscriptions = [];

function follow(service, events, action) {
  for (const event of events) {
    subscriptions.push(service.subscribe(service.EVENTS[event], action));
  }
}

/** Zoom and link a study that was opened with results, once its panes are there. */
function whenOpened() {
  const { viewportGridService } = services();
  const { unsubscribe } = viewportGridService.subscribe(viewportGridService.EVENTS.VIEWPORTS_READY, () => {
    unsubscribe();
    settleOpened().catch(error => notify('error', error.message));
  });
  subscriptions.push({ unsubscribe });
}

export default {
  id: ID,
  version: '0.0.0',

  preRegistration(managers) {
    keep(managers);
    loadStyle();
    watch();
    onChange(redraw);
  },

  onModeEnter() {
    register();
    const { displaySetService, segmentationService } = services();
    follow(displaySetService, ['DISPLAY_SETS_ADDED', 'DISPLAY_SETS_REMOVED'], redraw);
    follow(segmentationService, ['SEGMENTATION_DATA_MODIFIED'], masksEdited);
    whenOpened();
  },

  onModeExit() {
    stop();
    unlink();
    subscriptions.forEach(({ unsubscribe }) => unsubscribe());
    subscriptions = [];
  },

  getHangingProtocolModule: () => [{ name: PROTOCOL, protocol }],
  getPanelModule: () => [{ name: 'joints', iconName: 'tab-segmentation', iconLabel: 'Joints', label: 'Joints', component: JointsPanel }],
  getToolbarModule: toolbarModule,

  getCommandsModule: () => ({
    actions: { markJoints, separateWithMasks, toggleMasks: () => toggleMasks(state().source) },
    definitions: {
      markJoints: { commandFn: markJoints },
      separateWithMasks: { commandFn: separateWithMasks },
      toggleMasks: { commandFn: () => toggleMasks(state().source) },
    },
    defaultContext: 'DEFAULT',
  }),
};

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

// The removal of the results of a joint, which can be undone for a while.

import { LOWER, UPPER } from './constants.js';
import { hangRadiograph } from './hangingProtocol.js';
import { emitChange, state } from './state.js';
import { listJoints } from './study/displaySets.js';
import { loadSeries, markReplaced, removeReplaced, unmarkReplaced } from './study/studyMetadata.js';
import { requestRemoval } from './utils/api.js';
import { formatJoint } from './utils/format.js';
import { getServices, notify } from './utils/ohif.js';
import { showMasks } from './viewports/masks.js';
import { showJointOrNotify } from './viewports/showJoint.js';
import { unlinkPanes } from './viewports/synchronize.js';

const UNDO_MS = 10000;

/** Remove the results of the joint that is shown: from the screen now, from the PACS unless it is undone. */
export function removeResult() {
  const { source, joint: name, visits } = state;
  const joint = listJoints(source).find(one => one.joint === name);
  if (!joint) {
    return;
  }
  const layers = [UPPER, LOWER].map(bone => joint[bone].instances[0]);
  markReplaced(layers.map(({ SOPInstanceUID }) => SOPInstanceUID));
  showRest(source);
  const timer = setTimeout(() => removeFromPacs(source, name, layers, visits), UNDO_MS);
  const notice = notify('info', `${formatJoint(name)} removed: ${joint.view}.`, {
    duration: UNDO_MS,
    action: {
      label: 'Undo',
      onClick: () => {
        clearTimeout(timer);
        getServices().uiNotificationService.hide(notice);
        bringBack(layers, visits).then(() => visits === state.visits && showJointOrNotify(source, name));
      },
    },
  });
}

/** Show another joint of the radiograph, or the radiograph alone. */
function showRest(source) {
  const [next] = listJoints(source);
  if (next) {
    showJointOrNotify(source, next.joint);
  } else {
    state.joint = undefined;
    unlinkPanes();
    hangRadiograph(source);
    emitChange();
  }
}

/** Bring layers back to the study, from the PACS. */
async function bringBack(layers, visits) {
  const [uids, series] = ['SOPInstanceUID', 'SeriesInstanceUID'].map(key => layers.map(layer => layer[key]));
  unmarkReplaced(uids);
  if (visits === state.visits) {
    await loadSeries(layers[0].StudyInstanceUID, series, uids);
  }
}

/** Let the server remove results; bring them back to the screen where that fails. */
async function removeFromPacs(source, name, layers, visits) {
  try {
    const answer = await requestRemoval(source, name);
    markReplaced(answer.replaced);
    if (visits !== state.visits) {
      return;
    }
    const segmentation = [answer.segmentation].filter(Boolean);
    const [series, uids] = ['series_instance_uid', 'sop_instance_uid'].map(key => segmentation.map(item => item[key]));
    if (segmentation.length) {
      await loadSeries(answer.study_instance_uid, series, uids);
    }
    removeReplaced();
    await showMasks(source);
  } catch (error) {
    await bringBack(layers, visits).catch(console.error);
    notify('error', `${formatJoint(name)} could not be removed. ${error.message}`, { duration: 10000 });
  }
  emitChange();
}

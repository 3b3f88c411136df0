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

// The commands of the viewer: mark joints, separate them, separate them again with corrected masks.

import { ORIGINAL } from './constants.js';
import { hangRadiograph, isSideBySide } from './hangingProtocol.js';
import { emitChange, state } from './state.js';
import { describePane, findRadiograph, listJoints, listRadiographs } from './study/displaySets.js';
import { forgetJointSpaces } from './study/jointSpaces.js';
import { loadSeries, markReplaced } from './study/studyMetadata.js';
import { formatView } from './study/views.js';
import { requestJoints, requestSeparation } from './utils/api.js';
import { ask } from './utils/dom.js';
import { formatCount, formatJoint, formatSentence } from './utils/format.js';
import { getServices, getViewport, notify } from './utils/ohif.js';
import { closeMarkingTool, openMarkingTool } from './viewports/markingTool.js';
import { correctedPixels, readLabelMap } from './viewports/masks.js';
import { forgetReport } from './viewports/report.js';
import { showJoint, showJointOrNotify, waitForImages } from './viewports/showJoint.js';
import { unlinkPanes } from './viewports/synchronize.js';

/** Start marking joints, or stop it. */
export async function markJoints() {
  if (state.marking) {
    closeMarkingTool();
    emitChange();
  } else if (!state.busy) {
    if (!(await mayLoseMasks())) {
      return;
    }
    await startMarking([]);
  }
}

/** Find the joints of the radiograph and propose them as marks, to be dragged, dropped or separated. */
export async function findJoints() {
  if (state.marking) {
    closeMarkingTool();
    emitChange();
  }
  const source = currentSource();
  if (state.busy || !source || !(await mayLoseMasks())) {
    return;
  }
  const { visits } = state;
  state.busy = true;
  emitChange();
  const progress = notify('loading', 'Looking for joints…', { autoClose: false });
  let found;
  try {
    found = await requestJoints(source);
  } catch (error) {
    console.error(error);
    notify('error', formatSentence(error.message || 'no joints could be looked for'), { duration: 10000 });
  } finally {
    getServices().uiNotificationService.hide(progress);
    state.busy = false;
    emitChange();
  }
  if (!found || visits !== state.visits) {
    return;
  }
  const marks = withoutKnown(found.joints, listJoints(source)).map(joint => ({
    ...joint,
    unsure: joint.confidence < found.confident,
  }));
  if (!found.joints.length) {
    notify('warning', 'No hand was found in this image. Mark the joints yourself.', { duration: 8000 });
  } else if (!marks.length) {
    notify('info', 'All joints that were found are separated already.');
    return;
  }
  found.notes.forEach(note => notify('warning', formatSentence(note), { duration: 10000 }));
  await startMarking(marks, source);
}

/** Return the joints whose middle lies in no region that was separated before, around its middle. */
function withoutKnown(joints, known) {
  return joints.filter(
    ({ x, y }) =>
      !known.some(({ box: [top, left, bottom, right] }) => {
        const away = Math.hypot(x - (left + right) / 2, y - (top + bottom) / 2);
        return away < (right - left) / 3;
      }),
  );
}

/** Return whether corrected masks that were not used may be lost; asks if there are any. */
async function mayLoseMasks() {
  return (
    !state.corrected ||
    ask('The corrected masks have not been used yet. They are lost when you go on.', 'Go on without them', 'Keep them')
  );
}

/** Ask before the study or the page is left with corrected masks; return a function that ends this. */
export function guardMasks() {
  const onUnload = event => state.corrected && event.preventDefault();
  const onClick = async event => {
    const button = event.target.closest('[data-cy="return-to-work-list"]');
    if (button && state.corrected) {
      event.preventDefault();
      event.stopPropagation();
      if (await mayLoseMasks()) {
        state.corrected = false;
        button.click();
      }
    }
  };
  window.addEventListener('beforeunload', onUnload);
  window.addEventListener('click', onClick, true);
  return () => {
    window.removeEventListener('beforeunload', onUnload);
    window.removeEventListener('click', onClick, true);
  };
}

/**
 * Let joints be marked on the radiograph, and separate them.
 *
 * @param marks to begin with, e.g. those of a request that failed
 * @param wanted SOP Instance UID of the radiograph; the one that is looked at if not given
 */
async function startMarking(marks, wanted) {
  const former = isSideBySide() ? { source: state.source, joint: state.joint } : undefined;
  const source = wanted ?? currentSource();
  if (!source) {
    notify('warning', 'This study holds no radiograph in which joints could be separated.');
    return;
  }
  unlinkPanes();
  if (former || describePane(ORIGINAL).uid !== source || !getViewport(ORIGINAL)) {
    hangRadiograph(source);
  }
  try {
    await waitForImages([[ORIGINAL, source]]);
  } catch (error) {
    notify('error', error.message);
    return;
  }
  if (former) {
    // A joint has filled the pane; the whole hand has to be seen for the next mark.
    getViewport(ORIGINAL).resetCamera();
    getViewport(ORIGINAL).render();
  }
  openMarkingTool(listJoints(source), marks, chosen => {
    emitChange();
    if (chosen) {
      separateJoints(source, chosen);
    } else if (former) {
      showJointOrNotify(former.source, former.joint);
    }
  });
  emitChange();
}

/** Return the radiograph of the active pane, of the original pane, the one shown last, or the first of the study. */
function currentSource() {
  const { viewportGridService } = getServices();
  const candidates = [
    describePane(viewportGridService.getActiveViewportId()).source,
    describePane(ORIGINAL).source,
    state.source,
  ];
  return candidates.find(uid => uid && findRadiograph(uid)) ?? listRadiographs()[0]?.uid;
}

/** Separate joints of a radiograph, with given masks or predicted ones, and show the first of them. */
async function separateJoints(source, marks, labels) {
  const { visits } = state;
  state.busy = true;
  emitChange();
  performance.mark('bls-gan:asked');
  const view = formatView(findRadiograph(source).displaySet.instances[0]);
  const words = marks.length > 1 ? `Separating ${marks.length} joints` : 'Separating the bones';
  const progress = notify('loading', `${words}: ${view}…`, { autoClose: false });
  let failed = false;
  try {
    const answer = await requestSeparation(source, marks.map(toRow), labels);
    performance.mark('bls-gan:answered');
    if (visits !== state.visits) {
      return;
    }
    await updateStudy(answer);
    const asked = answer.joints.filter(joint => joint.asked !== false).map(({ joint }) => joint);
    await showJoint(source, labels ? state.joint : asked[0]);
    performance.mark('bls-gan:shown');
    notify('success', `${formatCount(asked)} separated: ${view}.`, { duration: 2500 });
    warn(source, asked);
  } catch (error) {
    console.error(error);
    notify('error', formatSentence(error.message || 'the joint could not be separated'), { duration: 10000 });
    failed = true;
  } finally {
    getServices().uiNotificationService.hide(progress);
    state.busy = false;
    emitChange();
  }
  if (failed && !labels && visits === state.visits) {
    // Keep the marks, to be changed or tried again.
    await startMarking(marks);
  }
}

/** Return a mark as a row of the list of joints: what was found is confirmed by whoever separates it. */
function toRow({ joint, x, y, left, top, right, bottom, angle }) {
  return { joint, x, y, left, top, right, bottom, angle };
}

/** Show those warnings of joints that ask whether the image is what was meant; the panel lists all. */
function warn(source, names) {
  for (const { joint, warnings } of listJoints(source).filter(one => names.includes(one.joint))) {
    const doubts = warnings.filter(warning => warning.endsWith('?')).map(formatSentence);
    if (doubts.length) {
      notify('warning', `${formatJoint(joint)}: ${doubts.join(' ')}`, { duration: 10000 });
    }
  }
}

/** Add the objects that the server has stored to the study, and take out those that they replace. */
async function updateStudy(answer) {
  const objects = [...answer.joints.flatMap(({ upper, lower }) => [upper, lower]), answer.segmentation].filter(Boolean);
  const uids = objects.map(({ sop_instance_uid: uid }) => uid);
  markReplaced((answer.replaced ?? []).filter(uid => !uids.includes(uid)));
  const series = objects.map(({ series_instance_uid: uid }) => uid);
  await loadSeries(answer.study_instance_uid, series, uids);
  state.corrected = false;
}

/** Separate the shown joint again, and others whose masks were corrected, with the masks over the original. */
export async function separateWithMasks() {
  const { source, joint: name } = state;
  const known = listJoints(source);
  const labels = known.some(({ joint }) => joint === name) && readLabelMap(source);
  if (!labels) {
    notify('warning', 'Show a separated joint and its masks first.');
    return;
  }
  const corrected = correctedPixels(source);
  const marks = known
    .filter(one => one.joint === name || corrected.some(pixel => nearestJoint(known, pixel) === one))
    .map(({ joint, box: [top, left, bottom, right] }) => ({ joint, left, top, right, bottom }));
  await separateJoints(source, marks, labels);
}

/** Return the joint whose middle is nearest to a pixel, [row, column]. */
function nearestJoint(known, [row, column]) {
  const distance = ({ box: [top, left, bottom, right] }) =>
    Math.hypot((top + bottom) / 2 - row, (left + right) / 2 - column);
  return known.reduce((best, one) => (distance(one) < distance(best) ? one : best));
}

let checkTimer;

/** Check for mask edits, debounced. */
export function checkMasks() {
  clearTimeout(checkTimer);
  checkTimer = setTimeout(() => {
    const corrected = correctedPixels(state.source).length > 0;
    if (corrected !== state.corrected) {
      state.corrected = corrected;
      emitChange();
    }
  }, 250);
}

/** Reset the state when a study is left, so that the next one opens with its own joints. */
export function leaveStudy() {
  clearTimeout(checkTimer);
  closeMarkingTool();
  unlinkPanes();
  forgetJointSpaces();
  forgetReport();
  Object.assign(state, { source: undefined, joint: undefined, corrected: false, visits: state.visits + 1 });
}

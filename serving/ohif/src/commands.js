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

// What a radiologist does: mark joints, have them separated, correct masks, have them separated again.

import { hangHand, sideBySide, sight } from './hangingProtocol.js';
import { unlink } from './viewports/synchronize.js';
import { mark, marking, stop } from './viewports/markingTool.js';
import { correctedAt, labelMap } from './viewports/masks.js';
import { ORIGINAL } from './constants.js';
import { joints, original, originals, shownIn } from './study/displaySets.js';
import { separate } from './utils/api.js';
import { look, ready, showJoint } from './viewports/showJoint.js';
import { changed, going } from './state.js';
import { bring, dismiss } from './study/studyMetadata.js';
import { notify, services, viewport } from './utils/ohif.js';
import { countOf, sentence } from './utils/format.js';

/** Start the marking of joints, or end it. */
export async function markJoints() {
  if (marking()) {
    stop();
    changed();
  } else if (!going.busy) {
    if (going.corrected) {
      notify('warning', 'The corrected masks are not used yet. They are lost when another joint is separated.', {
        duration: 8000,
      });
    }
    await startMarking([]);
  }
}

async function startMarking(marks) {
  const back = sideBySide() ? { ...sight } : undefined;
  const source = sourceInSight();
  if (!source) {
    notify('warning', 'This study holds no radiograph in which joints could be separated.');
    return;
  }
  unlink();
  if (back || shownIn(ORIGINAL).uid !== source || !viewport(ORIGINAL)) {
    hangHand(source);
  }
  try {
    await ready([[ORIGINAL, source]]);
  } catch (error) {
    notify('error', error.message);
    return;
  }
  if (back) {
    // After a joint has filled the pane, the whole hand has to be seen for the next mark.
    viewport(ORIGINAL).resetCamera();
    viewport(ORIGINAL).render();
  }
  mark(joints(source), marks, chosen => {
    changed();
    if (chosen) {
      separateJoints(source, chosen);
    } else if (back) {
      look(back.source, back.joint);
    }
  });
  changed();
}

/** The radiograph of the active pane, of the original pane, or the first of the study. */
function sourceInSight() {
  const { viewportGridService } = services();
  const candidates = [
    shownIn(viewportGridService.getActiveViewportId()).source,
    shownIn(ORIGINAL).source,
    sight.source,
  ];
  return candidates.find(uid => uid && original(uid)) ?? originals()[0]?.uid;
}

/** Separate joints of a radiograph, with given masks or predicted ones, and show the first of them. */
async function separateJoints(source, marks, labels) {
  const visit = going.visits;
  going.busy = true;
  changed();
  performance.mark('bls-gan:asked');
  const words = marks.length > 1 ? `Separating ${marks.length} joints…` : 'Separating the bones…';
  const progress = notify('loading', words, { autoClose: false });
  let failed = false;
  try {
    const answer = await separate(source, marks, labels);
    performance.mark('bls-gan:answered');
    if (visit !== going.visits) {
      return;
    }
    await takeIn(answer);
    const asked = answer.joints.filter(joint => joint.asked !== false).map(({ joint }) => joint);
    await showJoint(source, labels ? sight.joint : asked[0]);
    performance.mark('bls-gan:shown');
    notify('success', `${countOf(asked)} separated.`, { duration: 2500 });
  } catch (error) {
    console.error(error);
    notify('error', sentence(error.message || 'the joint could not be separated'), { duration: 10000 });
    failed = true;
  } finally {
    services().uiNotificationService.hide(progress);
    going.busy = false;
    changed();
  }
  if (failed && !labels && visit === going.visits) {
    // The marks stay, to be changed or tried again.
    await startMarking(marks);
  }
}

/** Bring what the server has stored into the study, and take out what it has replaced. */
async function takeIn(answer) {
  const objects = [...answer.joints.flatMap(({ upper, lower }) => [upper, lower]), answer.segmentation].filter(Boolean);
  const uids = objects.map(({ sop_instance_uid: uid }) => uid);
  dismiss((answer.replaced ?? []).filter(uid => !uids.includes(uid)));
  const series = objects.map(({ series_instance_uid: uid }) => uid);
  await bring(answer.study_instance_uid, series, uids);
  going.corrected = false;
}

/** Separate the joint in sight again, and others whose masks were corrected, with the masks over the original. */
export async function separateWithMasks() {
  const { source, joint: name } = sight;
  const known = joints(source);
  const labels = known.some(({ joint }) => joint === name) && labelMap(source);
  if (!labels) {
    notify('warning', 'Show a separated joint and its masks first.');
    return;
  }
  const places = correctedAt(source);
  const marks = known
    .filter(one => one.joint === name || places.some(place => nearest(known, place) === one))
    .map(({ joint, box: [top, left, bottom, right] }) => ({ joint, left, top, right, bottom }));
  await separateJoints(source, marks, labels);
}

/** The joint to which a place, [row, column], belongs: the one whose middle is nearest. */
function nearest(known, [row, column]) {
  const away = ({ box: [top, left, bottom, right] }) =>
    Math.hypot((top + bottom) / 2 - row, (left + right) / 2 - column);
  return known.reduce((best, one) => (away(one) < away(best) ? one : best));
}

let looking;

/** Look whether masks have been corrected, when the hand that draws has come to rest. */
export function masksEdited() {
  clearTimeout(looking);
  looking = setTimeout(() => {
    const now = correctedAt(sight.source).length > 0;
    if (now !== going.corrected) {
      going.corrected = now;
      changed();
    }
  }, 250);
}

/** Leave the study: what was looked at is not what the next one is opened with. */
export function leave() {
  going.visits++;
  going.corrected = false;
  clearTimeout(looking);
  stop();
  unlink();
  Object.assign(sight, { source: undefined, joint: undefined });
}

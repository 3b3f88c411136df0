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

// What a radiologist does: mark joints, see them separated, look at one after another, correct masks.

import { fitBrush } from './brush.js';
import * as hanging from './hanging.js';
import { align, applyWindow, link, unlink } from './linking.js';
import { marking, mark, stop } from './marking.js';
import { areCorrected, labelMap, putMasks } from './masks.js';
import { LOWER, ORIGINAL, UPPER, VIEWPORTS } from './names.js';
import { joints, original, originals, shownIn } from './separated.js';
import { separate } from './server.js';
import { bring, dismiss, sweep } from './study.js';
import { libraries, notify, refreshToolbar, services, viewport } from './viewer.js';
import { countOf, sentence } from './words.js';

const listeners = new Set();
/** Counts studies that were left: what comes from the server after that belongs to none on the screen. */
let left = 0;
/** How many joints are just being brought onto the screen. */
let moving = 0;
let busy = false;
let corrected = false;
let looking;

/** Be told of changes of what is looked at. */
export function onChange(listener) {
  listeners.add(listener);
}

function changed() {
  listeners.forEach(listener => listener());
  refreshToolbar();
}

export function state() {
  return { ...hanging.sight, busy, corrected, marking: marking(), sideBySide: hanging.sideBySide() };
}

/** Start or end the marking of joints. */
export async function markJoints() {
  await startMarking([]);
}

async function startMarking(marks) {
  if (marking()) {
    cancel();
    return;
  }
  if (busy) {
    return;
  }
  const back = hanging.sideBySide() ? { ...hanging.sight } : undefined;
  const source = sourceInSight();
  if (!source) {
    notify('warning', 'This study holds no radiograph in which joints could be separated.');
    return;
  }
  unlink();
  if (back || shownIn(ORIGINAL).uid !== source || !viewport(ORIGINAL)) {
    hanging.hangHand(source);
  }
  await ready([[ORIGINAL, source]]);
  fitHand(back);
  mark(joints(source), marks, chosen => {
    changed();
    if (chosen) {
      separateJoints(source, chosen);
    } else if (back) {
      showJoint(back.source, back.joint);
    }
  });
  changed();
}

/** After a joint has filled the pane, the whole hand has to be seen for the next mark. */
function fitHand(wasZoomed) {
  if (wasZoomed) {
    viewport(ORIGINAL).resetCamera();
    viewport(ORIGINAL).render();
  }
}

export function cancel() {
  stop();
  changed();
}

/** The radiograph of the active pane, of the original pane, or the first of the study. */
function sourceInSight() {
  const { viewportGridService } = services();
  const candidates = [
    shownIn(viewportGridService.getActiveViewportId()).source,
    shownIn(ORIGINAL).source,
    hanging.sight.source,
  ];
  return candidates.find(uid => uid && original(uid)) ?? originals()[0]?.uid;
}

/** Separate joints of a radiograph, with given masks or predicted ones, and show the first of them. */
export async function separateJoints(source, marks, labels) {
  busy = true;
  changed();
  performance.mark('bls-gan:asked');
  const visit = left;
  let failed = false;
  const progress = notify(
    'loading',
    marks.length > 1 ? `Separating ${marks.length} joints…` : 'Separating the bones…',
    { autoClose: false },
  );
  try {
    const answer = await separate(source, marks, labels);
    performance.mark('bls-gan:answered');
    if (visit !== left) {
      return;
    }
    await takeIn(answer);
    const asked = answer.joints.filter(joint => joint.asked !== false);
    await showJoint(source, asked[0].joint);
    performance.mark('bls-gan:shown');
    notify('success', `${countOf(asked.map(({ joint }) => joint))} separated.`, { duration: 2500 });
  } catch (error) {
    console.error(error);
    notify('error', sentence(error.message || 'the joint could not be separated'), { duration: 10000 });
    failed = true;
  } finally {
    services().uiNotificationService.hide(progress);
    busy = false;
    changed();
  }
  if (failed && !labels && visit === left) {
    // The marks stay, to be changed or tried again.
    await startMarking(marks);
  }
}

/** Bring what the server has stored into the study, and take out what it has replaced. */
async function takeIn(answer) {
  const objects = [...answer.joints.flatMap(joint => [joint.upper, joint.lower]), answer.segmentation].filter(Boolean);
  const uids = objects.map(({ sop_instance_uid: uid }) => uid);
  dismiss((answer.replaced ?? []).filter(uid => !uids.includes(uid)));
  await bring(
    answer.study_instance_uid,
    objects.map(({ series_instance_uid: uid }) => uid),
    uids,
  );
  corrected = false;
}

/** Hang a joint side by side, zoomed, linked, with its masks. */
export async function showJoint(source, name) {
  moving++;
  try {
    await bringJoint(source, name);
  } finally {
    moving--;
  }
}

async function bringJoint(source, name) {
  const joint = joints(source).find(one => one.joint === name);
  if (!joint) {
    throw new Error('The separated bones are in the PACS, but the viewer does not find them. Reload the page.');
  }
  stop();
  unlink();
  const uidOf = displaySet => displaySet.instances[0].SOPInstanceUID;
  const panes = [
    [ORIGINAL, source],
    [UPPER, uidOf(joint[UPPER])],
    [LOWER, uidOf(joint[LOWER])],
  ];
  if (hanging.sideBySide() && panes.every(([id, uid]) => shownIn(id).uid === uid)) {
    Object.assign(hanging.sight, { source, joint: name });
  } else {
    hanging.hangJoint(source, name);
  }
  await ready(panes);
  sweep();
  // The masks lie over the original: tools for them need it to be the active pane.
  services().viewportGridService.setActiveViewportId(ORIGINAL);
  settle();
  await rendered();
  changed();
  putMasks(source).then(changed, error => {
    console.error(error);
    notify('error', 'The masks of the bones could not be loaded.');
  });
}

/** A layer of another joint has been put into a pane, by a double click on its thumbnail: its joint is meant. */
export function followThumbnail() {
  // A study that is just being opened has nothing in sight yet.
  if (moving || busy || marking() || !hanging.sight.source || !hanging.isOurs()) {
    return;
  }
  const other = VIEWPORTS.map(shownIn).find(
    ({ joint, source }) =>
      joint && (!hanging.sideBySide() || joint !== hanging.sight.joint || source !== hanging.sight.source),
  );
  if (other) {
    showJoint(other.source, other.joint).catch(error => notify('error', error.message));
  }
}

/** Zoom all panes to the layers' region and give them the original's window. */
function settle() {
  for (const id of [UPPER, LOWER]) {
    viewport(id).resetCamera();
  }
  link();
  align(UPPER);
  applyWindow(ORIGINAL);
  VIEWPORTS.forEach(id => viewport(id).render());
}

/** Separate the joint in sight again, with the masks as they are over the original. */
export async function separateWithMasks() {
  const { source, joint: name } = hanging.sight;
  const joint = joints(source).find(one => one.joint === name);
  const labels = joint && labelMap(source);
  if (!labels) {
    notify('warning', 'Show a separated joint and its masks first.');
    return;
  }
  const [top, left, bottom, right] = joint.box;
  await separateJoints(source, [{ joint: name, left, top, right, bottom }], labels);
}

/** What OHIF has hung by itself when the study was opened: zoom, link and put the masks on. */
export async function settleOpened() {
  fitBrush();
  const { source, joint } = hanging.lookAround();
  if (joint) {
    try {
      await showJoint(source, joint);
    } catch (error) {
      notify('error', error.message);
    }
  }
  changed();
}

/** Leave the study: what was looked at is not what the next one is opened with. */
export function leave() {
  left++;
  stop();
  unlink();
  clearTimeout(looking);
  corrected = false;
  Object.assign(hanging.sight, { source: undefined, joint: undefined });
}

/** Look whether masks have been corrected, when the hand that draws has come to rest. */
export function masksEdited() {
  clearTimeout(looking);
  looking = setTimeout(() => {
    const now = areCorrected(hanging.sight.source);
    if (now !== corrected) {
      corrected = now;
      changed();
    }
  }, 250);
}

/** Wait until panes show these images, [[pane, SOP Instance UID]]. */
async function ready(panes) {
  const end = performance.now() + 15000;
  const there = ([id, uid]) => {
    const pane = viewport(id);
    const image = pane?.element?.isConnected && pane.getCurrentImageId?.()?.includes(uid) && pane.getImageData();
    return image ? pane : undefined;
  };
  let before = [];
  for (;;) {
    // OHIF may make panes anew while it hangs: what is there twice, stays.
    const now = panes.map(there);
    if (now.every((pane, number) => pane && pane === before[number])) {
      return;
    }
    before = now;
    if (performance.now() > end) {
      throw new Error('The images take too long to load. Check that the PACS can be reached.');
    }
    await new Promise(resolve => setTimeout(resolve, 15));
  }
}

/** Wait until all panes have been drawn. */
function rendered() {
  const { IMAGE_RENDERED } = libraries().cornerstone.Enums.Events;
  const drawn = VIEWPORTS.map(
    id => new Promise(resolve => viewport(id).element.addEventListener(IMAGE_RENDERED, resolve, { once: true })),
  );
  return Promise.race([Promise.all(drawn), new Promise(resolve => setTimeout(resolve, 1000))]);
}

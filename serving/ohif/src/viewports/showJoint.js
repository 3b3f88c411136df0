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

// A joint on the screen: hung side by side, zoomed, linked, with its masks.

import { fitBrush } from './brush.js';
import * as hanging from '../hangingProtocol.js';
import { align, applyWindow, link, unlink } from './synchronize.js';
import { marking, stop } from './markingTool.js';
import { putMasks } from './masks.js';
import { LOWER, ORIGINAL, UPPER, VIEWPORTS } from '../constants.js';
import { joints, shownIn } from '../study/displaySets.js';
import { changed, going } from '../state.js';
import { sweep } from '../study/studyMetadata.js';
import { libraries, notify, services, viewport } from '../utils/ohif.js';

const PATIENCE_MS = 15000;

export async function showJoint(source, name) {
  going.moving++;
  try {
    await bring(source, name);
  } finally {
    going.moving--;
  }
}

/** The same for a button: a failure ends in its sentence. */
export function look(source, name) {
  return showJoint(source, name).catch(error => notify('error', error.message));
}

async function bring(source, name) {
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

/** A layer of another joint has been put into a pane, by a double click on its thumbnail: its joint is meant. */
export function followThumbnail() {
  // A study that is just being opened has nothing in sight yet.
  if (going.moving || going.busy || marking() || !hanging.sight.source || !hanging.isOurs()) {
    return;
  }
  const other = VIEWPORTS.map(shownIn).find(
    ({ joint, source }) =>
      joint && (!hanging.sideBySide() || joint !== hanging.sight.joint || source !== hanging.sight.source),
  );
  if (other) {
    look(other.source, other.joint);
  }
}

/** What OHIF has hung by itself when the study was opened: zoom, link and put the masks on. */
export async function settleOpened() {
  fitBrush();
  const { source, joint } = hanging.lookAround();
  if (joint) {
    await look(source, joint);
  }
  changed();
}

/** Wait until panes show these images, [[pane, SOP Instance UID]]. */
export async function ready(panes) {
  const end = performance.now() + PATIENCE_MS;
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

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

// A joint on the screen: side by side, zoomed, linked, with its masks.

import { LOWER, ORIGINAL, UPPER, VIEWPORTS } from '../constants.js';
import { chooseJoint, hangJoint, isOwnLayout, isSideBySide } from '../hangingProtocol.js';
import { emitChange, state } from '../state.js';
import { describePane, listJoints } from '../study/displaySets.js';
import { removeReplaced } from '../study/studyMetadata.js';
import { getLibraries, getServices, getViewport, notify } from '../utils/ohif.js';
import { loadJointSpaces } from '../study/jointSpaces.js';
import { configureBrush } from './brush.js';
import { closeMarkingTool } from './markingTool.js';
import { showMasks } from './masks.js';
import { showReport } from './report.js';
import { alignPanes, applyWindow, linkPanes, unlinkPanes } from './synchronize.js';

const TIMEOUT_MS = 15000;

/** Show a joint of a radiograph, by its name; resolves when all panes are drawn. */
export async function showJoint(source, name) {
  state.loading++;
  try {
    await hangAndLink(source, name);
  } finally {
    state.loading--;
  }
}

/** Show a joint; notify the radiologist where that fails. */
export function showJointOrNotify(source, name) {
  return showJoint(source, name).catch(error => notify('error', error.message));
}

async function hangAndLink(source, name) {
  const joint = listJoints(source).find(one => one.joint === name);
  if (!joint) {
    throw new Error('The separated bones are in the PACS, but the viewer does not find them. Reload the page.');
  }
  closeMarkingTool();
  unlinkPanes();
  const uidOf = displaySet => displaySet.instances[0].SOPInstanceUID;
  const panes = [
    [ORIGINAL, source],
    [UPPER, uidOf(joint[UPPER])],
    [LOWER, uidOf(joint[LOWER])],
  ];
  if (isSideBySide() && panes.every(([id, uid]) => describePane(id).uid === uid)) {
    Object.assign(state, { source, joint: name });
  } else {
    hangJoint(source, name);
  }
  await waitForImages(panes);
  removeReplaced();
  // The masks lie over the original: the tools for masks act on the active pane.
  getServices().viewportGridService.setActiveViewportId(ORIGINAL);
  resetPanes();
  await waitForRendering();
  emitChange();
  showReport(source);
  showMasks(source).then(emitChange, error => {
    console.error(error);
    notify('error', 'The masks of the bones could not be loaded.');
  });
}

/** Zoom all panes to the layers' region and give them the original's window. */
function resetPanes() {
  for (const id of [UPPER, LOWER]) {
    getViewport(id).resetCamera();
  }
  linkPanes();
  alignPanes(UPPER);
  applyWindow(ORIGINAL);
  VIEWPORTS.forEach(id => getViewport(id).render());
}

/** Show the joint of a layer that was put into a pane by a double click on its thumbnail. */
export function showJointOfThumbnail() {
  // While a study is being opened, no source is set.
  if (state.loading || state.busy || state.marking || !state.source || !isOwnLayout()) {
    return;
  }
  const other = VIEWPORTS.map(describePane).find(
    ({ joint, source }) => joint && (!isSideBySide() || joint !== state.joint || source !== state.source),
  );
  if (other) {
    showJointOrNotify(other.source, other.joint);
  }
}

/** Zoom and link the panes that OHIF has filled when the study was opened, and show the masks. */
export async function showOpenedStudy() {
  configureBrush();
  Object.assign(state, chooseJoint());
  const reports = loadJointSpaces(listJoints().map(({ source }) => source));
  if (state.joint) {
    await showJointOrNotify(state.source, state.joint);
  }
  await reports;
  emitChange();
}

/** Wait until panes show these images, [[pane, SOP Instance UID]]. */
export async function waitForImages(panes) {
  const end = performance.now() + TIMEOUT_MS;
  const findPane = ([id, uid]) => {
    const pane = getViewport(id);
    const image = pane?.element?.isConnected && pane.getCurrentImageId?.()?.includes(uid) && pane.getImageData();
    return image ? pane : undefined;
  };
  let before = [];
  for (;;) {
    // OHIF may create panes twice while it hangs: one that is found two times in a row stays.
    const found = panes.map(findPane);
    if (found.every((pane, index) => pane && pane === before[index])) {
      return;
    }
    before = found;
    if (performance.now() > end) {
      throw new Error('The images take too long to load. Check that the PACS can be reached.');
    }
    await new Promise(resolve => setTimeout(resolve, 15));
  }
}

/** Wait until all panes have been drawn. */
function waitForRendering() {
  const { IMAGE_RENDERED } = getLibraries().cornerstone.Enums.Events;
  const drawn = VIEWPORTS.map(
    id => new Promise(resolve => getViewport(id).element.addEventListener(IMAGE_RENDERED, resolve, { once: true })),
  );
  return Promise.race([Promise.all(drawn), new Promise(resolve => setTimeout(resolve, 1000))]);
}

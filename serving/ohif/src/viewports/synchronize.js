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

// The synchronization of the three panes: zoom, pan, rotation and window of one are applied to the others.
// A layer is a region of the original, so positions are compared in pixels of the original.

import { VIEWPORTS } from '../constants.js';
import { state } from '../state.js';
import { describeDisplaySet } from '../study/displaySets.js';
import { getLibraries, getServices, getViewport } from '../utils/ohif.js';

/** True while panes are moved by another pane, so that they do not move it back. */
let synchronizing = false;

/** The view of the panes before a rotation: the middle in pixels of the original, and the direction of the camera. */
let lastView;

/** A function for each linked pane that removes its listeners. */
const linked = new Map();

/** Whether the linked panes are inverted. */
let inverted;

/** Link the panes that are on the screen now. */
export function linkPanes() {
  unlinkPanes();
  const { CAMERA_MODIFIED, IMAGE_RENDERED, VOI_MODIFIED } = getLibraries().cornerstone.Enums.Events;
  for (const id of VIEWPORTS) {
    const element = getViewport(id)?.element;
    if (!element) {
      continue;
    }
    const onCamera = () => synchronizeOnce(() => followCamera(id));
    const onWindow = () => synchronizeOnce(() => applyWindow(id));
    // Cornerstone has no event for an inversion.
    const onRendering = () => getViewport(id)?.getProperties().invert !== inverted && onWindow();
    const listeners = [
      [CAMERA_MODIFIED, onCamera],
      [VOI_MODIFIED, onWindow],
      [IMAGE_RENDERED, onRendering],
    ];
    listeners.forEach(([event, listener]) => element.addEventListener(event, listener));
    linked.set(id, () => listeners.forEach(([event, listener]) => element.removeEventListener(event, listener)));
  }
}

/** Stop the synchronization. */
export function unlinkPanes() {
  linked.forEach(removeListeners => removeListeners());
  linked.clear();
  lastView = undefined;
}

/** Run an action that moves panes, unless it is caused by such an action. */
function synchronizeOnce(action) {
  if (synchronizing) {
    return;
  }
  synchronizing = true;
  try {
    action();
  } finally {
    synchronizing = false;
  }
}

/** Return the grids of the panes that are linked with a pane. */
function otherGrids(id) {
  return VIEWPORTS.filter(other => other !== id && linked.has(other))
    .map(gridOf)
    .filter(Boolean);
}

/** Return the image of a pane, and where its first pixel lies in the original, [column, row]. */
function gridOf(id) {
  const pane = getViewport(id);
  const image = pane?.getImageData?.();
  if (!image) {
    return undefined;
  }
  const { displaySetService, viewportGridService } = getServices();
  const [uid] = viewportGridService.getDisplaySetsUIDsForViewport(id) ?? [];
  const displaySet = uid && displaySetService.getDisplaySetByUID(uid);
  if (!displaySet) {
    return undefined;
  }
  // An object of another radiograph, dragged into the pane, has another grid.
  const { box, source } = describeDisplaySet(displaySet);
  if (!source || source !== state.source) {
    return undefined;
  }
  return {
    pane,
    data: image.imageData,
    spacing: image.spacing,
    instance: displaySet.instances[0],
    first: box ? [box[1], box[0]] : [0, 0],
  };
}

/** Return the view of a pane. */
function viewOf({ pane, data, first }) {
  const { focalPoint, viewUp, viewPlaneNormal } = pane.getCamera();
  const [column, row] = data.worldToIndex(focalPoint);
  return { middle: [column + first[0], row + first[1]], direction: [...viewUp, ...viewPlaneNormal] };
}

let checkPending = false;

/** Let the other panes follow the camera of a pane. */
function followCamera(id) {
  alignPanes(id, lastView);
  if (checkPending) {
    return;
  }
  // OHIF rotates an image about its own middle, in several steps, so that the joint moves away: move it back after them.
  const before = lastView;
  checkPending = true;
  queueMicrotask(() => {
    checkPending = false;
    const from = gridOf(id);
    const now = from && viewOf(from);
    if (before && now?.direction.some((value, axis) => Math.abs(value - before.direction[axis]) > 1e-6)) {
      synchronizeOnce(() => restoreMiddle(id, before.middle));
    } else {
      lastView = now;
    }
  });
}

/** Move a pixel of the original back to the middle of all panes. */
function restoreMiddle(id, [column, row]) {
  const to = gridOf(id);
  if (to) {
    moveTo(to, [column - to.first[0], row - to.first[1], 0], to.pane.getCamera());
    alignPanes(id);
  }
}

/** Move a pane to a point of its image, [column, row, slice], in the direction of a camera. */
function moveTo({ pane, data }, point, { viewUp, viewPlaneNormal }, more = {}) {
  const focalPoint = [...data.indexToWorld(point)];
  // Keep the pane's own distance: beyond its clipping range nothing is drawn.
  const former = pane.getCamera();
  const distance = Math.hypot(...former.position.map((value, axis) => value - former.focalPoint[axis]));
  const position = focalPoint.map((value, axis) => value + viewPlaneNormal[axis] * distance);
  pane.setCamera({ focalPoint, position, viewUp, viewPlaneNormal, ...more });
  pane.render();
}

/**
 * Move the other panes to the view of a pane.
 *
 * @param view that is compared after a rotation, in place of the pane's present one
 */
export function alignPanes(id, view) {
  const from = gridOf(id);
  if (!from) {
    return;
  }
  const now = viewOf(from);
  lastView = view ?? now;
  const [column, row] = now.middle;
  const camera = from.pane.getCamera();
  for (const to of otherGrids(id)) {
    // Equal zoom means equal size of a pixel on the screen, also where OHIF reads different spacings.
    const parallelScale = (camera.parallelScale * to.spacing[1]) / from.spacing[1];
    moveTo(to, [column - to.first[0], row - to.first[1], 0], camera, { parallelScale });
    // The camera is mirrored already; the pane sets its flags after it has moved.
    queueMicrotask(() => {
      to.pane.flipHorizontal = from.pane.flipHorizontal;
      to.pane.flipVertical = from.pane.flipVertical;
    });
  }
}

/** Apply the window of a pane to the others: equal stored values have an equal gray. */
export function applyWindow(id) {
  const from = gridOf(id);
  const { voiRange, invert, VOILUTFunction } = from?.pane.getProperties() ?? {};
  if (!voiRange) {
    return;
  }
  inverted = invert;
  const [lower, upper] = [voiRange.lower, voiRange.upper].map(value => toStored(value, from.instance));
  for (const to of otherGrids(id)) {
    const ends = [lower, upper].map(value => fromStored(value, to.instance));
    const range = { lower: Math.min(...ends), upper: Math.max(...ends) };
    to.pane.setProperties({ voiRange: range, invert, VOILUTFunction });
    to.pane.render();
  }
}

/** Convert a displayed value to a stored value above the lowest possible one, as layers of signed sources are unsigned. */
function toStored(value, instance) {
  return (value - intercept(instance)) / slope(instance) + signedOffset(instance);
}

/** Convert a stored value above the lowest possible one to a displayed value. */
function fromStored(value, instance) {
  return (value - signedOffset(instance)) * slope(instance) + intercept(instance);
}

function slope(instance) {
  return Number(instance.RescaleSlope ?? 1) || 1;
}

function intercept(instance) {
  return Number(instance.RescaleIntercept ?? 0) || 0;
}

/** Return the stored value 0 above the lowest possible one. */
function signedOffset(instance) {
  return Number(instance.PixelRepresentation) === 1 ? 2 ** (Number(instance.BitsStored) - 1) : 0;
}

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

// Three panes that move as one: zoom, pan, rotation and window of one are those of the others.
// A layer is a region of the original, so places are compared in pixels of the original.

import { sight } from '../hangingProtocol.js';
import { VIEWPORTS } from '../constants.js';
import { describe } from '../study/displaySets.js';
import { libraries, services, viewport } from '../utils/ohif.js';

/** True while panes are moved by another pane, so that they do not move it back. */
let following = false;

const linked = new Map();

/** Link the panes that are on the screen now. */
export function link() {
  unlink();
  const { CAMERA_MODIFIED, VOI_MODIFIED } = libraries().cornerstone.Enums.Events;
  for (const id of VIEWPORTS) {
    const element = viewport(id)?.element;
    if (!element) {
      continue;
    }
    const moved = () => followed(() => follow(id));
    const windowed = () => followed(() => applyWindow(id));
    element.addEventListener(CAMERA_MODIFIED, moved);
    element.addEventListener(VOI_MODIFIED, windowed);
    linked.set(id, () => {
      element.removeEventListener(CAMERA_MODIFIED, moved);
      element.removeEventListener(VOI_MODIFIED, windowed);
    });
  }
}

export function unlink() {
  linked.forEach(undo => undo());
  linked.clear();
  looks = undefined;
}

function followed(action) {
  if (following) {
    return;
  }
  following = true;
  try {
    action();
  } finally {
    following = false;
  }
}

function others(id) {
  return VIEWPORTS.filter(other => other !== id && linked.has(other) && grid(other));
}

/** Where the pixels of a pane lie: its image, and the place of its first pixel in the original, [column, row]. */
function grid(id) {
  const pane = viewport(id);
  const image = pane?.getImageData?.();
  if (!image) {
    return undefined;
  }
  const { displaySetService, viewportGridService } = services();
  const [uid] = viewportGridService.getDisplaySetsUIDsForViewport(id) ?? [];
  const displaySet = uid && displaySetService.getDisplaySetByUID(uid);
  if (!displaySet) {
    return undefined;
  }
  // Something else that was dragged into the pane has places of its own.
  const { box, source } = describe(displaySet);
  if (!source || source !== sight.source) {
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

/** How the panes look at the hand: the middle in pixels of the original, what is up, and from which side. */
let looks;

function looksOf({ pane, data, first }) {
  const { focalPoint, viewUp, viewPlaneNormal } = pane.getCamera();
  const [column, row] = data.worldToIndex(focalPoint);
  return { middle: [column + first[0], row + first[1]], turn: [...viewUp, ...viewPlaneNormal] };
}

let settling = false;

/** A pane has moved: the others follow. */
function follow(id) {
  align(id, looks);
  if (settling) {
    return;
  }
  // OHIF turns an image about its own middle, in several steps, which takes the joint away: it is put back after them.
  const before = looks;
  settling = true;
  queueMicrotask(() => {
    settling = false;
    const from = grid(id);
    const now = from && looksOf(from);
    if (before && now?.turn.some((value, axis) => Math.abs(value - before.turn[axis]) > 1e-6)) {
      followed(() => putBack(id, before.middle));
    } else {
      looks = now;
    }
  });
}

function putBack(id, [column, row]) {
  const to = grid(id);
  if (to) {
    moveTo(to, [column - to.first[0], row - to.first[1], 0], to.pane.getCamera());
    align(id);
  }
}

/** Let a pane look at a place of its image, column, row, slice, turned as a camera is. */
function moveTo({ pane, data }, place, { viewUp, viewPlaneNormal }, more = {}) {
  const focalPoint = [...data.indexToWorld(place)];
  // From its own distance: what lies outside of a pane's clipping range, which goes with it, is not drawn.
  const { position: seenFrom, focalPoint: seen } = pane.getCamera();
  const distance = Math.hypot(...seenFrom.map((value, axis) => value - seen[axis]));
  const position = focalPoint.map((value, axis) => value + viewPlaneNormal[axis] * distance);
  pane.setCamera({ focalPoint, position, viewUp, viewPlaneNormal, ...more });
  pane.render();
}

/** Look at the same place of the hand in the other panes as in this one. */
export function align(id, remembered) {
  const from = grid(id);
  if (!from) {
    return;
  }
  const now = looksOf(from);
  looks = remembered ?? now;
  const [column, row] = now.middle;
  const camera = from.pane.getCamera();
  for (const to of others(id).map(grid)) {
    // Zoom is pixels of the screen for a pixel of the original, whatever spacing OHIF has found.
    const parallelScale = (camera.parallelScale * to.spacing[1]) / from.spacing[1];
    moveTo(to, [column - to.first[0], row - to.first[1], 0], camera, { parallelScale });
    // Mirroring is in the camera already; the note of it is made by the pane that mirrors after it has moved.
    queueMicrotask(() => {
      to.pane.flipHorizontal = from.pane.flipHorizontal;
      to.pane.flipVertical = from.pane.flipVertical;
    });
  }
}

/** Show the same stored values in the same gray in the other panes as in this one. */
export function applyWindow(id) {
  const from = grid(id);
  const { voiRange, invert, VOILUTFunction } = from?.pane.getProperties() ?? {};
  if (!voiRange) {
    return;
  }
  const [lower, upper] = [voiRange.lower, voiRange.upper].map(value => toStored(value, from.instance));
  for (const to of others(id).map(grid)) {
    const ends = [lower, upper].map(value => fromStored(value, to.instance));
    const range = { lower: Math.min(...ends), upper: Math.max(...ends) };
    to.pane.setProperties({ voiRange: range, invert, VOILUTFunction });
    to.pane.render();
  }
}

/** Values on the screen's scale to stored values counted from the lowest: layers of signed sources are unsigned. */
function toStored(value, instance) {
  return (value - intercept(instance)) / slope(instance) + lift(instance);
}

function fromStored(value, instance) {
  return (value - lift(instance)) * slope(instance) + intercept(instance);
}

function slope(instance) {
  return Number(instance.RescaleSlope ?? 1) || 1;
}

function intercept(instance) {
  return Number(instance.RescaleIntercept ?? 0) || 0;
}

function lift(instance) {
  return Number(instance.PixelRepresentation) === 1 ? 2 ** (Number(instance.BitsStored) - 1) : 0;
}

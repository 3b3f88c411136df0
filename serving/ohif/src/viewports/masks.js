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

// The masks of the bones over the original: shown, hidden, and read after a correction.

import { ORIGINAL } from '../constants.js';
import { state } from '../state.js';
import { findMasks, findRadiograph } from '../study/displaySets.js';
import { getLibraries, refreshToolbar, getServices, getViewport } from '../utils/ohif.js';

const LABELMAP = 'Labelmap';

/** Colours, RGBA: lower bone, upper bone, overlap. */
const COLOURS = { 1: [86, 180, 233, 255], 2: [230, 159, 0, 255], 3: [240, 80, 120, 255] };
/** The same colours as DICOM encodes them (PS3.3, C.10.7.1.1). */
const CIELAB = { 1: [45760, 29806, 23961], 2: [46275, 37131, 52088], 3: [37800, 49307, 36089] };
const STYLE = { renderFill: true, renderOutline: true, fillAlpha: 0.16, outlineWidth: 2, outlineAlpha: 0.9 };

/** Segment that is painted at first: most corrections are about the overlap. */
const FIRST_SEGMENT = 3;

/** Label maps as they were loaded, by the id of their segmentation. */
const loadedLabelMaps = new Map();

/** The last call of {@link showMasks}. */
let lastShow = Promise.resolve();

/** Return the masks of a radiograph: display set, id of the segmentation, and its representation over the original. */
function findSegmentation(source) {
  const masks = findMasks(source);
  const id = masks?.displaySetInstanceUID;
  const [representation] = id
    ? getServices().segmentationService.getSegmentationRepresentations(ORIGINAL, { segmentationId: id })
    : [];
  return { masks, id, representation };
}

/** Show the masks of a radiograph over the original, one call after the other, so that they are loaded once. */
export function showMasks(source) {
  lastShow = lastShow.catch(() => {}).then(() => loadMasks(source));
  return lastShow;
}

/** Load the masks of a radiograph where they are not loaded, and add them to the original. */
async function loadMasks(source) {
  const { segmentationService } = getServices();
  const { masks, id, representation } = findSegmentation(source);
  if (!masks || !getViewport(ORIGINAL)) {
    return;
  }
  if (!segmentationService.getSegmentation(id)) {
    setSegmentColours(masks.instance);
    await masks.load({ headers: {} });
    prepareSegments(id);
    loadedLabelMaps.clear();
    loadedLabelMaps.set(id, readLabelMap(source));
  }
  // OHIF then does not ask whether to load the masks.
  masks.isHydrated = true;
  if (!representation) {
    await segmentationService.addSegmentationRepresentation(ORIGINAL, { segmentationId: id, type: LABELMAP });
    for (const [segment, colour] of Object.entries(COLOURS)) {
      if (segmentationService.getSegmentation(id)?.segments[segment]) {
        segmentationService.setSegmentColor(ORIGINAL, id, Number(segment), colour);
      }
    }
    segmentationService.setStyle({ type: LABELMAP }, STYLE);
    segmentationService.setActiveSegment(id, FIRST_SEGMENT);
  }
  applyVisibility(source);
}

/** Return the pixels, [[row, column]], at which the masks of a radiograph differ from those that were loaded. */
export function correctedPixels(source) {
  const before = loadedLabelMaps.get(findSegmentation(source).id);
  const now = before && readLabelMap(source);
  const indices = [];
  now?.forEach((label, index) => label !== before[index] && indices.push(index));
  const { Columns: columns } = findRadiograph(source)?.displaySet.instances[0] ?? {};
  return indices.map(index => [Math.floor(index / columns), index % columns]);
}

/** Set the colour of each segment: OHIF warns of segments whose file names none. */
function setSegmentColours(instance) {
  for (const segment of [instance.SegmentSequence].flat()) {
    segment.RecommendedDisplayCIELabValue ??= CIELAB[segment.SegmentNumber] ?? [0, 32896, 32896];
  }
}

/** Remove the background, a segment in the file that nobody paints, and capitalize the names of the others. */
function prepareSegments(id) {
  const { segments } = getServices().segmentationService.getSegmentation(id);
  delete segments[0];
  for (const segment of Object.values(segments)) {
    segment.label = segment.label.charAt(0).toUpperCase() + segment.label.slice(1);
  }
}

/** Show or hide the masks of a radiograph, as the state says. */
function applyVisibility(source) {
  const { segmentationService } = getServices();
  const { id, representation } = findSegmentation(source);
  if (representation && representation.visible !== state.masksVisible) {
    segmentationService.toggleSegmentationRepresentationVisibility(ORIGINAL, { segmentationId: id, type: LABELMAP });
  }
  refreshToolbar();
}

/** Show the masks of a radiograph, or hide them. */
export async function toggleMasks(source) {
  state.masksVisible = !state.masksVisible;
  if (state.masksVisible) {
    await showMasks(source);
  }
  applyVisibility(source);
}

/** Return the label map on the screen: Uint8Array of the whole radiograph, row by row; undefined until it is loaded. */
export function readLabelMap(source) {
  const { segmentationService } = getServices();
  const { id } = findSegmentation(source);
  const [imageId] = segmentationService.getSegmentation(id)?.representationData?.[LABELMAP]?.imageIds ?? [];
  const image = imageId && getLibraries().cornerstone.cache.getImage(imageId);
  return image ? Uint8Array.from(image.voxelManager.getScalarData()) : undefined;
}

/** Return whether the masks of a radiograph are loaded. */
export function hasLabelMap(source) {
  const { id } = findSegmentation(source);
  return !!(id && getServices().segmentationService.getSegmentation(id));
}

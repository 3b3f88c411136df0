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

// The masks of the bones over the original: shown, hidden, and read back after a correction.

import { ORIGINAL } from '../constants.js';
import { masksOf, original } from '../study/displaySets.js';
import { libraries, refreshToolbar, services, viewport } from '../utils/ohif.js';

const LABELMAP = 'Labelmap';

/** Colours, RGBA: lower bone, upper bone, overlap. */
const COLOURS = { 1: [86, 180, 233, 255], 2: [230, 159, 0, 255], 3: [240, 80, 120, 255] };
/** The same as DICOM has them (PS3.3, C.10.7.1.1). */
const CIELAB = { 1: [45760, 29806, 23961], 2: [46275, 37131, 52088], 3: [37800, 49307, 36089] };
const STYLE = { renderFill: true, renderOutline: true, fillAlpha: 0.16, outlineWidth: 2, outlineAlpha: 0.9 };

/** The segment that a brush paints at first: the overlap is what most corrections are about. */
const FIRST = 3;

/** Label maps as they were loaded, by segmentation. */
const loaded = new Map();

/** Whether the radiologist wants to see them. */
let wanted = true;

let last = Promise.resolve();

export function masksWanted() {
  return wanted;
}

function representation(source) {
  const masks = masksOf(source);
  const id = masks?.displaySetInstanceUID;
  const [found] = id
    ? services().segmentationService.getSegmentationRepresentations(ORIGINAL, { segmentationId: id })
    : [];
  return { masks, id, found };
}

/** Load the masks of a radiograph, if they are not, and put them over the original: once, however often it is asked. */
export function putMasks(source) {
  last = last.catch(() => {}).then(() => put(source));
  return last;
}

async function put(source) {
  const { segmentationService } = services();
  const { masks, id, found } = representation(source);
  if (!masks || !viewport(ORIGINAL)) {
    return;
  }
  if (!segmentationService.getSegmentation(id)) {
    colour(masks.instance);
    await masks.load({ headers: {} });
    tidy(id);
    loaded.clear();
    loaded.set(id, labelMap(source));
  }
  // What is over the original already needs no question whether to load it.
  masks.isHydrated = true;
  if (!found) {
    await segmentationService.addSegmentationRepresentation(ORIGINAL, { segmentationId: id, type: LABELMAP });
    for (const [segment, colour] of Object.entries(COLOURS)) {
      if (segmentationService.getSegmentation(id)?.segments[segment]) {
        segmentationService.setSegmentColor(ORIGINAL, id, Number(segment), colour);
      }
    }
    segmentationService.setStyle({ type: LABELMAP }, STYLE);
    segmentationService.setActiveSegment(id, FIRST);
  }
  setVisible(source, wanted);
}

/** Where the masks of a radiograph differ from what was loaded, [[row, column]]; an undone correction is none. */
export function correctedAt(source) {
  const before = loaded.get(representation(source).id);
  const now = before && labelMap(source);
  const places = [];
  now?.forEach((label, place) => label !== before[place] && places.push(place));
  const { Columns: columns } = original(source)?.displaySet.instances[0] ?? {};
  return places.map(place => [Math.floor(place / columns), place % columns]);
}

/** OHIF warns of segments whose file names no colour; ours have theirs. */
function colour(instance) {
  for (const segment of [instance.SegmentSequence].flat()) {
    segment.RecommendedDisplayCIELabValue ??= CIELAB[segment.SegmentNumber] ?? [0, 32896, 32896];
  }
}

/** The background is described as a segment in the file; nobody paints it. */
function tidy(id) {
  const { segments } = services().segmentationService.getSegmentation(id);
  delete segments[0];
  for (const segment of Object.values(segments)) {
    segment.label = segment.label.charAt(0).toUpperCase() + segment.label.slice(1);
  }
}

function setVisible(source, visible) {
  const { segmentationService } = services();
  const { id, found } = representation(source);
  if (found && found.visible !== visible) {
    segmentationService.toggleSegmentationRepresentationVisibility(ORIGINAL, { segmentationId: id, type: LABELMAP });
  }
  refreshToolbar();
}

export async function toggleMasks(source) {
  wanted = !wanted;
  if (wanted) {
    await putMasks(source);
  }
  setVisible(source, wanted);
}

/** The label map as it is on the screen: Uint8Array over the whole radiograph, row by row; nothing before it is loaded. */
export function labelMap(source) {
  const { segmentationService } = services();
  const { id } = representation(source);
  const [imageId] = segmentationService.getSegmentation(id)?.representationData?.[LABELMAP]?.imageIds ?? [];
  const image = imageId && libraries().cornerstone.cache.getImage(imageId);
  return image ? Uint8Array.from(image.voxelManager.getScalarData()) : undefined;
}

export function labelMapThere(source) {
  const { id } = representation(source);
  return !!(id && services().segmentationService.getSegmentation(id));
}

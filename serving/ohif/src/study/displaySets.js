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

// What the study's own metadata says: which image is a radiograph, which a layer, of which joint, from where.

import { ORIGINAL, UPPER, LOWER } from '../constants.js';
import { isGone } from './studyMetadata.js';
import { thumbnail } from './thumbnail.js';
import { displaySets, services } from '../utils/ohif.js';
import { titleOf } from '../utils/format.js';

const SEGMENTATION = '1.2.840.10008.5.1.4.1.1.66.';
const MAKER = 'BLS-GAN';
const PROJECTIONS = ['DX', 'CR', 'MG', 'OT'];

/** Elements of the private block (0029,xx00), by the names that they have in metadata without a dictionary. */
const ELEMENT = {
  joint: '01',
  box: '02',
  layer: '03',
  softTissue: '04',
  white: '05',
  masks: '06',
  overlap: '07',
  warnings: '08',
};

function privateValue(instance, element) {
  for (let block = 0x10; block <= 0xff; block++) {
    const hex = block.toString(16).toUpperCase().padStart(2, '0');
    if (text(instance[`002900${hex}`]) === MAKER) {
      return instance[`0029${hex}${ELEMENT[element]}`];
    }
  }
  return undefined;
}

function text(value) {
  const one = Array.isArray(value) ? value[0] : value;
  return one === undefined || one === null ? '' : String(one).trim();
}

function sourceOf(instance) {
  const [item] = [instance.SourceImageSequence].flat();
  return item?.ReferencedSOPInstanceUID;
}

/** Size of the overlap, px, and mm² where the spacing of pixels is known. */
function overlapOf(instance) {
  const pixels = Number(privateValue(instance, 'overlap') ?? NaN);
  const spacing = instance.PixelSpacing ?? instance.ImagerPixelSpacing ?? instance.NominalScannedPixelSpacing;
  return { pixels, area: spacing ? pixels * Number(spacing[0]) * Number(spacing[1]) : NaN };
}

/** What a display set is: {role, joint, box, masks, source, uid}, role undefined for anything else. */
export function describe(displaySet) {
  const instance = displaySet?.instances?.[0];
  return !instance || isGone(instance.SOPInstanceUID) ? {} : describeInstance(instance, displaySet.Modality);
}

/** How an instance stands in the study panel, where OHIF would do it otherwise: a display set's properties. */
export function standsAs(instance) {
  const { role, joint } = describeInstance(instance, instance.Modality);
  const name = joint && `${titleOf(joint)}, ${role} bone`;
  return {
    ...(name && { SeriesDescription: name, label: name }),
    ...(instance.PhotometricInterpretation === 'MONOCHROME1' && { getThumbnailSrc: () => thumbnail(instance) }),
  };
}

function describeInstance(instance, modality) {
  const uid = instance.SOPInstanceUID;
  if (String(instance.SOPClassUID).startsWith(SEGMENTATION)) {
    const images = [instance.ReferencedSeriesSequence]
      .flat()
      .flatMap(item => [item?.ReferencedInstanceSequence].flat());
    return text(instance.Manufacturer) === MAKER
      ? { role: 'masks', uid, source: images[0]?.ReferencedSOPInstanceUID }
      : { uid };
  }
  // Radiographs that this software has drawn bear its name too; layers are known by their private block.
  if (text(privateValue(instance, 'joint'))) {
    const layer = text(privateValue(instance, 'layer'));
    return {
      role: layer === 'UPPER' ? UPPER : layer === 'LOWER' ? LOWER : undefined,
      uid,
      joint: text(privateValue(instance, 'joint')),
      box: [privateValue(instance, 'box')].flat().map(Number),
      masks: text(privateValue(instance, 'masks')),
      source: sourceOf(instance),
      ...overlapOf(instance),
      warnings: text(privateValue(instance, 'warnings')).split('\n').filter(Boolean),
      run: ['box', 'softTissue', 'white', 'masks']
        .map(element => [privateValue(instance, element)].flat().join())
        .join(' '),
    };
  }
  return PROJECTIONS.includes(modality) && !sourceOf(instance) ? { role: ORIGINAL, uid, source: uid } : { uid };
}

function described() {
  return displaySets().map(displaySet => ({ displaySet, ...describe(displaySet) }));
}

/** Radiographs of the study that no software derived. */
export function originals() {
  return described().filter(({ role }) => role === ORIGINAL);
}

export function original(source) {
  return originals().find(({ uid }) => uid === source);
}

/**
 * Separated joints of a radiograph, or of the study, by name:
 * {joint, box, masks, pixels, area, warnings, source, upper, lower}, the last two being display sets.
 */
export function joints(source) {
  const found = new Map();
  for (const { displaySet, role, ...layer } of described()) {
    if ((role !== UPPER && role !== LOWER) || (source && layer.source !== source)) {
      continue;
    }
    // Two results of one joint may stand side by side in a PACS that lets nobody take objects out: never a layer of each.
    const key = `${layer.source} ${layer.joint} ${layer.run}`;
    found.set(key, { ...found.get(key), ...layer, [role]: displaySet });
  }
  const whole = [...found.values()].filter(joint => joint[UPPER] && joint[LOWER]);
  const newest = new Map(whole.map(joint => [`${joint.source} ${joint.joint}`, joint]));
  return [...newest.values()].sort((one, other) => one.joint.localeCompare(other.joint, 'en', { numeric: true }));
}

/** The display set with the masks of a radiograph. */
export function masksOf(source) {
  return described().findLast(({ role, ...masks }) => role === 'masks' && masks.source === source)?.displaySet;
}

/** What is in a pane. */
export function shownIn(viewportId) {
  const { displaySetService, viewportGridService } = services();
  const [uid] = viewportGridService.getDisplaySetsUIDsForViewport(viewportId) ?? [];
  return uid ? describe(displaySetService.getDisplaySetByUID(uid)) : {};
}

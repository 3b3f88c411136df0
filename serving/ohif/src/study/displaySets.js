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

// The display sets of the study as their metadata describes them: radiographs, layers of joints, masks.

import { LOWER, MODALITIES, ORIGINAL, UPPER } from '../constants.js';
import { formatJoint } from '../utils/format.js';
import { getDisplaySets, getServices } from '../utils/ohif.js';
import { isReplaced } from './studyMetadata.js';
import { drawThumbnail } from './thumbnail.js';
import { compareViews, firstText, formatView } from './views.js';

const REPORT = '1.2.840.10008.5.1.4.1.1.88.';
const SEGMENTATION = '1.2.840.10008.5.1.4.1.1.66.';
const MAKER = 'BLS-GAN';

/** Elements of the private block (0029,xx00), see scripts/dicom/layer_image.py, as metadata without a dictionary names them. */
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

/** Return the value of an element of the private block of an instance; undefined if there is none. */
function privateValue(instance, element) {
  for (let block = 0x10; block <= 0xff; block++) {
    const hex = block.toString(16).toUpperCase().padStart(2, '0');
    if (firstText(instance[`002900${hex}`]) === MAKER) {
      return instance[`0029${hex}${ELEMENT[element]}`];
    }
  }
  return undefined;
}

/** Return the SOP Instance UID of the radiograph from which an instance was derived. */
export function sourceOf(instance) {
  const [item] = [instance.SourceImageSequence].flat();
  return item?.ReferencedSOPInstanceUID;
}

/** Sentences in a layer's Derivation Description, see scripts/dicom/spacing.py. */
const SPACING = /Pixel spacing ([\d.e-]+) by ([\d.e-]+) mm\b.*? Millimetres: (.+?)\.(?:\s|$)/;

/** Return the size of the overlap: pixels, mm² (NaN where the spacing of pixels is unknown), what they rest on. */
function overlapOf(instance) {
  const pixels = Number(privateValue(instance, 'overlap') ?? NaN);
  const [, down, across, restsOn] = SPACING.exec(firstText(instance.DerivationDescription)) ?? [];
  if (restsOn) {
    return { pixels, area: pixels * Number(down) * Number(across), restsOn };
  }
  // Results before 0.7.0 do not say what their spacing rests on.
  const assumed = firstText(instance.DerivationDescription).includes('Pixel spacing is not known');
  const spacing = assumed ? undefined : (instance.PixelSpacing ?? instance.ImagerPixelSpacing);
  return { pixels, area: spacing ? pixels * Number(spacing[0]) * Number(spacing[1]) : NaN };
}

/** Describe a display set: {role, joint, box, masks, source, uid}; role is undefined for unknown objects. */
export function describeDisplaySet(displaySet) {
  const instance = displaySet?.instances?.[0];
  return !instance || isReplaced(instance.SOPInstanceUID) ? {} : describeInstance(instance, displaySet.Modality);
}

/** Return the properties of an instance's display set in which it differs from OHIF's own: name and thumbnail. */
export function displaySetProperties(instance) {
  const { role, joint } = describeInstance(instance, instance.Modality);
  const view = formatView(instance);
  const names = {
    [ORIGINAL]: [view, firstText(instance.SeriesDescription)],
    ...(joint && { [role]: [formatJoint(joint), `${role} bone`, view] }),
  };
  const name = names[role]?.filter(Boolean).join(', ');
  return {
    ...(name && { SeriesDescription: name, label: name }),
    ...(instance.PhotometricInterpretation === 'MONOCHROME1' && { getThumbnailSrc: () => drawThumbnail(instance) }),
  };
}

/** Describe an instance, see {@link describeDisplaySet}. */
function describeInstance(instance, modality) {
  const uid = instance.SOPInstanceUID;
  if (String(instance.SOPClassUID).startsWith(SEGMENTATION)) {
    const images = [instance.ReferencedSeriesSequence]
      .flat()
      .flatMap(item => [item?.ReferencedInstanceSequence].flat());
    return firstText(instance.Manufacturer) === MAKER
      ? { role: 'masks', uid, source: images[0]?.ReferencedSOPInstanceUID }
      : { uid };
  }
  if (String(instance.SOPClassUID).startsWith(REPORT)) {
    const images = [instance.CurrentRequestedProcedureEvidenceSequence]
      .flat()
      .flatMap(study => [study?.ReferencedSeriesSequence].flat())
      .flatMap(series => [series?.ReferencedSOPSequence].flat())
      .map(image => image?.ReferencedSOPInstanceUID);
    return { role: firstText(instance.Manufacturer) === MAKER ? 'report' : undefined, uid, images };
  }
  // The manufacturer does not tell layers: phantoms, radiographs drawn by this software, have the same.
  if (firstText(privateValue(instance, 'joint'))) {
    const layer = firstText(privateValue(instance, 'layer'));
    return {
      role: layer === 'UPPER' ? UPPER : layer === 'LOWER' ? LOWER : undefined,
      uid,
      joint: firstText(privateValue(instance, 'joint')),
      box: [privateValue(instance, 'box')].flat().map(Number),
      masks: firstText(privateValue(instance, 'masks')),
      source: sourceOf(instance),
      ...overlapOf(instance),
      warnings: firstText(privateValue(instance, 'warnings')).split('\n').filter(Boolean),
      run: ['box', 'softTissue', 'white', 'masks']
        .map(element => [privateValue(instance, element)].flat().join())
        .join(' '),
    };
  }
  // A radiograph that was compressed again is derived from one too, but nothing that this software made.
  const ours = firstText(instance.Manufacturer) === MAKER && [instance.ImageType].flat()[1] === 'SECONDARY';
  return MODALITIES.includes(modality) && !ours ? { role: ORIGINAL, uid, source: uid } : { uid };
}

/** Describe all display sets of the study. */
function describeAll() {
  return getDisplaySets().map(displaySet => ({ displaySet, ...describeDisplaySet(displaySet) }));
}

/** List the radiographs that are not derived from another image, sorted by study, view and side. */
export function listRadiographs() {
  const sorted = describeAll().filter(({ role }) => role === ORIGINAL);
  return sorted.sort((one, other) => compareViews(one.displaySet.instances[0], other.displaySet.instances[0]));
}

/** Find a radiograph by its SOP Instance UID. */
export function findRadiograph(source) {
  return listRadiographs().find(({ uid }) => uid === source);
}

/**
 * List the separated joints of a radiograph, or of all, sorted as their radiographs are and by name:
 * {joint, view, box, masks, pixels, area, warnings, source, upper, lower}, the last two being display sets.
 */
export function listJoints(source) {
  const found = new Map();
  for (const { displaySet, role, ...layer } of describeAll()) {
    if ((role !== UPPER && role !== LOWER) || (source && layer.source !== source)) {
      continue;
    }
    // A PACS that deletes nothing may hold two results of a joint: never combine a layer of one with one of the other.
    const key = `${layer.source} ${layer.joint} ${layer.run}`;
    found.set(key, { ...found.get(key), ...layer, [role]: displaySet });
  }
  const whole = [...found.values()].filter(joint => joint[UPPER] && joint[LOWER]);
  const newest = new Map(whole.map(joint => [`${joint.source} ${joint.joint}`, joint]));
  const order = listRadiographs().map(({ uid }) => uid);
  return [...newest.values()]
    .map(joint => ({
      ...joint,
      view: formatView((findRadiograph(joint.source)?.displaySet ?? joint[UPPER]).instances[0]),
    }))
    .sort(
      (one, other) =>
        order.indexOf(one.source) - order.indexOf(other.source) ||
        one.joint.localeCompare(other.joint, 'en', { numeric: true }),
    );
}

/** Find the display set with the masks of a radiograph. */
export function findMasks(source) {
  return describeAll().findLast(({ role, ...masks }) => role === 'masks' && masks.source === source)?.displaySet;
}

/** Find the display set with the report of a radiograph. */
export function findReport(source) {
  return describeAll().findLast(({ role, images }) => role === 'report' && images.includes(source))?.displaySet;
}

/** Describe the display set in a pane. */
export function describePane(viewportId) {
  const { displaySetService, viewportGridService } = getServices();
  const [uid] = viewportGridService.getDisplaySetsUIDsForViewport(viewportId) ?? [];
  return uid ? describeDisplaySet(displaySetService.getDisplaySetByUID(uid)) : {};
}

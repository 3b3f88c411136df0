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

// The open study, kept in step with the PACS without a reload.

import { getDataSource, getDisplaySets, getLibraries, getServices } from '../utils/ohif.js';

/** SOP Instance UIDs of objects that the PACS no longer holds; OHIF keeps their metadata. */
const replaced = new Set();

/**
 * Let OHIF create display sets without replaced objects, and with properties of our own.
 *
 * @param propertiesOf function that returns the properties for an instance's display set
 */
export function customizeDisplaySets(propertiesOf) {
  const { displaySetService } = getServices();
  const makeDisplaySets = displaySetService.makeDisplaySets;
  displaySetService.makeDisplaySets = (instances, options) => {
    if (options?.batch) {
      return makeDisplaySets(instances, options);
    }
    const present = instances.filter(({ SOPInstanceUID }) => !replaced.has(SOPInstanceUID));
    const others = present.filter(instance => !Object.keys(propertiesOf(instance)).length);
    const results = others.length ? (makeDisplaySets(others, options) ?? []) : [];
    for (const instance of present.filter(one => !others.includes(one))) {
      // One by one: a series has one name for all of its joints, the panel needs one for each.
      const settings = { ...options?.settings, ...propertiesOf(instance) };
      results.push(...(makeDisplaySets([instance], { ...options, settings }) ?? []));
    }
    return results;
  };
}

/** Mark objects as replaced; they leave the screen with the next {@link removeReplaced}. */
export function markReplaced(uids) {
  uids.forEach(uid => replaced.add(uid));
}

/** Take back that objects were replaced. */
export function unmarkReplaced(uids) {
  uids.forEach(uid => replaced.delete(uid));
}

/** Return whether an object was replaced. */
export function isReplaced(uid) {
  return replaced.has(uid);
}

/** Remove replaced objects from the study panel and from the caches. */
export function removeReplaced() {
  const { displaySetService, segmentationService } = getServices();
  const { cache } = getLibraries().cornerstone;
  for (const displaySet of getDisplaySets().filter(({ instances }) =>
    instances?.some(one => replaced.has(one.SOPInstanceUID)),
  )) {
    const id = displaySet.displaySetInstanceUID;
    if (segmentationService.getSegmentation(id)) {
      segmentationService.remove(id);
    }
    displaySetService.deleteDisplaySet(id);
    for (const { imageId } of displaySet.images ?? []) {
      if (imageId && cache.getImageLoadObject(imageId)) {
        cache.removeImageLoadObject(imageId, { force: true });
      }
    }
  }
}

/**
 * Add objects that the PACS has just received to the study panel.
 *
 * @param study Study Instance UID
 * @param series their Series Instance UIDs
 * @param uids their SOP Instance UIDs
 */
export async function loadSeries(study, series, uids) {
  unmarkReplaced(uids);
  const source = getDataSource();
  const dropPromise = () => {
    // OHIF stores the promise by the source's name and the study, but deletes it by the study alone.
    source.deleteStudyMetadataPromise(`${source.getConfig?.().name}:${study}`);
    source.deleteStudyMetadataPromise(study);
  };
  dropPromise();
  try {
    await source.retrieve.series.metadata({
      StudyInstanceUID: study,
      filters: { seriesInstanceUID: [...new Set(series)] },
    });
  } catch (error) {
    throw new Error(
      'The bones are separated and stored, but the PACS does not return them. Open the study again later.',
      { cause: error },
    );
  } finally {
    dropPromise();
  }
}

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

import { dataSource, displaySets, libraries, services } from '../utils/ohif.js';

/** SOP Instance UIDs that the PACS no longer holds; OHIF's store of metadata never forgets. */
const gone = new Set();

/**
 * Keep what is gone out of the study panel, whenever OHIF makes display sets of its metadata.
 *
 * @param standsAs properties that the display set of an instance gets
 */
export function watch(standsAs) {
  const { displaySetService } = services();
  const make = displaySetService.makeDisplaySets;
  displaySetService.makeDisplaySets = (instances, options) => {
    if (options?.batch) {
      return make(instances, options);
    }
    const left = instances.filter(({ SOPInstanceUID }) => !gone.has(SOPInstanceUID));
    const others = left.filter(instance => !Object.keys(standsAs(instance)).length);
    const made = others.length ? (make(others, options) ?? []) : [];
    for (const instance of left.filter(one => !others.includes(one))) {
      // One by one: a series has one name for all of its joints, the panel needs one for each.
      const settings = { ...options?.settings, ...standsAs(instance) };
      made.push(...(make([instance], { ...options, settings }) ?? []));
    }
    return made;
  };
}

/** Count objects as gone; they leave the screen with the next `sweep`. */
export function dismiss(uids) {
  uids.forEach(uid => gone.add(uid));
}

export function isGone(uid) {
  return gone.has(uid);
}

/** Take what is gone out of the study panel and of the caches. */
export function sweep() {
  const { displaySetService, segmentationService } = services();
  const { cache } = libraries().cornerstone;
  for (const displaySet of displaySets().filter(({ instances }) =>
    instances?.some(one => gone.has(one.SOPInstanceUID)),
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
 * Bring objects that the PACS has just got into the study panel.
 *
 * @param study Study Instance UID
 * @param series their Series Instance UIDs
 * @param uids their SOP Instance UIDs
 */
export async function bring(study, series, uids) {
  for (const uid of uids) {
    gone.delete(uid);
  }
  const source = dataSource();
  const dropPromise = () => {
    // OHIF keeps it under the source's name and the study, and asks for it to be dropped by the study alone.
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
    console.error(error);
    throw new Error(
      'The bones are separated and stored, but the PACS does not hand them out. Open the study again later.',
    );
  } finally {
    dropPromise();
  }
}

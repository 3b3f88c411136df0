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

// The spacing of pixels that measurements rest on: original and layers of a joint have the same unit.

import { findRadiograph, sourceOf } from '../study/displaySets.js';
import { getLibraries } from '../utils/ohif.js';

const TYPE = 'imagePlaneModule';
/** Above OHIF's own provider of metadata. */
const PRIORITY = 20000;

let asking = false;

/** Return whether an image, or the one from which it was derived, tells how far its pixels are apart. */
function hasSpacing(instance) {
  const source = findRadiograph(sourceOf(instance))?.displaySet.instances[0] ?? instance;
  return !!(source.PixelSpacing ?? source.ImagerPixelSpacing);
}

/**
 * Provide an image's plane as OHIF does, but for a radiograph, which has no position in space, with known spacing.
 *
 * OHIF calls the spacing of such images a default, in some panes and not in others.
 */
function provideSpacing(type, imageId) {
  if (type !== TYPE || asking) {
    return undefined;
  }
  const { metaData } = getLibraries().cornerstone;
  asking = true;
  try {
    const plane = metaData.get(TYPE, imageId);
    const instance = metaData.get('instance', imageId);
    return plane && instance && { ...plane, usingDefaultValues: !hasSpacing(instance) };
  } finally {
    asking = false;
  }
}

/** Let Cornerstone ask {@link provideSpacing} first. */
export function registerSpacing() {
  const { metaData } = getLibraries().cornerstone;
  // Once, however often the mode is entered.
  metaData.removeProvider(provideSpacing);
  metaData.addProvider(provideSpacing, PRIORITY);
}

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

// Thumbnails of images whose lowest value is white (MONOCHROME1); OHIF would draw negatives.

import { getDataSource, getLibraries } from '../utils/ohif.js';

/** Draw the thumbnail of an instance; return it as a data URL. */
export async function drawThumbnail(instance) {
  const drawn = document.createElement('canvas');
  const imageId = getDataSource().getImageIdsForInstance({ instance });
  await getLibraries().cornerstone.utilities.loadImageToCanvas({ canvas: drawn, imageId, thumbnail: true });
  const positive = document.createElement('canvas');
  const { width, height } = Object.assign(positive, { width: drawn.width, height: drawn.height });
  // The image lies in the middle; the margins stay black.
  const scale = Math.min(width / instance.Columns, height / instance.Rows);
  const [across, down] = [instance.Columns * scale, instance.Rows * scale];
  const rectangle = [(width - across) / 2, (height - down) / 2, across, down];
  const context = positive.getContext('2d');
  context.fillRect(0, 0, width, height);
  context.filter = 'invert(1)';
  context.drawImage(drawn, ...rectangle, ...rectangle);
  return positive.toDataURL();
}

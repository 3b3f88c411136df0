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

// A joint space of one's choice: the upper bone moved along the axis, the image put back together by the physics.

import { createElement } from './utils/dom.js';

const LARGEST_MM = 1;
const LARGEST_PX = 16;
const OPAQUE = 254 / 255;

/**
 * Create the slider of the joint space, for teaching: {element, reset}.
 *
 * The picture that it makes lies over the later visit in the stack of a pane, and says that it was made.
 *
 * @param pictures of both visits, upright, see the server's /measurements/pictures
 * @param stack of the pane of the originals
 */
export function createJointSpaceSlider(pictures, stack) {
  const { mm_per_px: mm, side, visits } = pictures;
  const [visit] = visits.slice(-1);
  const most = mm ? LARGEST_MM : LARGEST_PX;
  const canvas = createElement('canvas', { width: side, height: side, 'data-cy': 'bls-gan-adjusted', hidden: true });
  const label = createElement('span', { 'data-cy': 'bls-gan-adjusted-label' }, 'as it is');
  stack.append(canvas);
  let layers;
  const show = async change => {
    canvas.hidden = change === 0;
    label.textContent = formatChange(change, mm ? 'mm' : 'px');
    if (change !== 0) {
      layers ??= await Promise.all([readGray(visit.original, side), readGray(visit.lower, side)]);
      drawGray(canvas, recompose(...layers, side, Math.round(mm ? change / mm : change)));
    }
  };
  const slider = createElement('input', {
    type: 'range',
    min: -most,
    max: most,
    step: mm ? 0.05 : 1,
    value: 0,
    'aria-label': 'Joint space of the later visit, adjusted',
    'data-cy': 'bls-gan-adjust',
    oninput: ({ target }) => show(Number(target.value)),
  });
  const element = createElement(
    'div',
    { class: 'bls-gan-blend' },
    createElement('span', {}, 'Adjust the joint space'),
    slider,
    label,
    createElement('span', { class: 'bls-gan-line' }, 'For teaching: a made picture, not measured'),
  );
  const reset = () => {
    slider.value = 0;
    show(0);
  };
  return { element, reset };
}

/**
 * Return an image whose upper bone is moved up by whole rows: 1 - (1 - lower) (1 - image) / (1 - lower), the quotient,
 * which is the upper bone's own, taken where it came from.
 *
 * @param image gray levels 0..1 of both bones in their tissue, row by row
 * @param lower gray levels of the lower layer
 * @param side of the square pictures, px
 * @param rows by which the bone is moved up; down where it is negative
 */
export function recompose(image, lower, side, rows) {
  const moved = new Float32Array(image.length);
  for (let row = 0; row < side; row++) {
    const from = Math.max(0, Math.min(side - 1, row + rows)) * side;
    for (let column = 0; column < side; column++) {
      const [at, source] = [row * side + column, from + column];
      if (lower[at] === 0 || lower[source] === 0) {
        // Outside the joint's region there is no layer.
        moved[at] = image[at];
        continue;
      }
      const bone = (1 - Math.min(image[source], OPAQUE)) / (1 - Math.min(lower[source], OPAQUE));
      moved[at] = 1 - (1 - lower[at]) * bone;
    }
  }
  return moved;
}

function formatChange(change, unit) {
  if (change === 0) {
    return 'as it is';
  }
  const size = Math.abs(change).toFixed(unit === 'mm' ? 2 : 0);
  return `${size} ${unit} ${change < 0 ? 'narrower' : 'wider'}`;
}

async function readGray(url, side) {
  const image = createElement('img', { src: url });
  await image.decode();
  const context = createElement('canvas', { width: side, height: side }).getContext('2d');
  context.drawImage(image, 0, 0, side, side);
  const { data } = context.getImageData(0, 0, side, side);
  return Float32Array.from({ length: side * side }, (_, at) => data[4 * at] / 255);
}

function drawGray(canvas, gray) {
  const { height, width } = canvas;
  const pixels = new ImageData(width, height);
  gray.forEach((value, at) => pixels.data.set([255 * value, 255 * value, 255 * value, 255], 4 * at));
  canvas.getContext('2d').putImageData(pixels, 0, 0);
}

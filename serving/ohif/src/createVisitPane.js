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

// A pane of the comparison: a picture of each visit on the other, with the lines of both.

import { createElement, createShape } from './utils/dom.js';

const HANDLE = 7;

/**
 * Create a pane: {element, stack, setBlend, drawLines}.
 *
 * @param title of the pane
 * @param name of the picture: original, upper, lower
 * @param names of the lines that are drawn
 * @param options {pictures, isShown, endsOf, onMove}: isShown tells whether a visit is the one that is seen, endsOf
 *   returns the ends of its line, onMove is called with a visit's number and its ends while one of them is dragged
 */
export function createVisitPane(title, name, names, { pictures, isShown, endsOf, onMove }) {
  const { side, visits } = pictures;
  const images = visits.map(visit => createElement('img', { src: visit[name], alt: '', draggable: 'false' }));
  const layer = createShape('svg', { viewBox: `0 0 ${side} ${side}` });
  const groups = visits.map(() => createShape('g'));
  layer.append(...groups);
  const drawLines = () =>
    visits.forEach((visit, index) => {
      groups[index].replaceChildren(
        ...names
          .filter(line => visit.lines[line])
          .flatMap(line =>
            line === 'minimum'
              ? createMinimum(layer, side, endsOf(index), onMove && (ends => onMove(index, ends)))
              : [createLine(visit.lines[line], line)],
          ),
      );
      groups[index].setAttribute('class', `bls-gan-visit-${index}`);
    });
  const setBlend = blend => {
    images[1].style.opacity = blend;
    groups.forEach((group, index) => {
      group.style.opacity = index ? blend : 1 - blend;
      group.style.pointerEvents = isShown(index) ? 'auto' : 'none';
    });
  };
  drawLines();
  const stack = createElement('div', { class: 'bls-gan-stack', 'data-cy': `bls-gan-stack-${name}` }, ...images, layer);
  const element = createElement('figure', {}, createElement('figcaption', {}, title), stack);
  return { element, stack, setBlend, drawLines };
}

function createLine(points, line) {
  return createShape('polyline', { class: `bls-gan-${line}-line`, points: points.join(' ') });
}

/** Create the line of the smallest width; its ends can be dragged where somebody wants to know. */
function createMinimum(layer, side, ends, onMove) {
  const line = createShape('polyline', { class: 'bls-gan-minimum-line', points: ends.join(' ') });
  if (!onMove) {
    return [line];
  }
  const handles = ends.map(([cx, cy], number) => {
    const handle = createShape('circle', {
      class: 'bls-gan-handle',
      cx,
      cy,
      r: HANDLE,
      'data-cy': `bls-gan-end-${number}`,
    });
    handle.addEventListener('pointerdown', event => startDrag(event, layer, side, number, ends, onMove));
    return handle;
  });
  return [line, ...handles];
}

/** Follow the pointer with an end of the line until it is released. */
function startDrag(event, layer, side, number, ends, onMove) {
  event.preventDefault();
  const move = ({ clientX, clientY }) => {
    const { left, top, width, height } = layer.getBoundingClientRect();
    const clamp = value => Math.max(0, Math.min(side, value));
    const end = [clamp(((clientX - left) / width) * side), clamp(((clientY - top) / height) * side)];
    onMove(ends.map((one, index) => (index === number ? end : one)));
  };
  const stop = () => {
    window.removeEventListener('pointermove', move);
    window.removeEventListener('pointerup', stop);
  };
  window.addEventListener('pointermove', move);
  window.addEventListener('pointerup', stop);
}

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

// Marking joints on the radiograph: a click is a joint, a drag a box around one.

import { elementOf } from '../utils/dom.js';
import { ORIGINAL } from '../constants.js';
import { titleOf } from '../utils/format.js';
import { libraries, viewport } from '../utils/ohif.js';

/** Side of the region that the server takes around a click, mm; drawn so that one sees what is marked. */
const REGION_MM = 23;
/** How far a drag has to go to be a box, and how near a click has to come to hit a mark, px of the screen. */
const DRAG_PX = 8;
const HIT_PX = 14;
const DOUBLE_CLICK_MS = 350;
const SVG = 'http://www.w3.org/2000/svg';

let session;

export function marking() {
  return !!session;
}

/**
 * Let joints be marked on the original, until they are to be separated or nothing is.
 *
 * @param known joints that have been separated before: {joint, box}
 * @param marks to begin with
 * @param done called with the marks, [{x, y}] or [{left, top, right, bottom}], or with nothing
 */
export function mark(known, marks, done) {
  stop();
  const pane = viewport(ORIGINAL);
  session = { pane, known, done, marks: [...marks], undo: [] };
  draw.layer = document.createElementNS(SVG, 'svg');
  draw.layer.setAttribute('class', 'bls-gan-marks');
  const frame = pane.element.parentElement;
  frame.classList.add('bls-gan-marking');
  frame.append(draw.layer, bar());
  session.undo.push(() => frame.classList.remove('bls-gan-marking'));
  listen(frame, 'pointerdown', press, true);
  // The tools of the viewer act on the main button; wheel and other buttons still zoom and pan.
  for (const name of ['mousedown', 'touchstart', 'dblclick', 'click']) {
    listen(frame, name, event => onImage(event) && event.stopPropagation(), true);
  }
  listen(window, 'keydown', key, true);
  const { CAMERA_MODIFIED, IMAGE_RENDERED } = libraries().cornerstone.Enums.Events;
  listen(pane.element, CAMERA_MODIFIED, draw);
  listen(pane.element, IMAGE_RENDERED, draw);
  draw();
}

export function stop() {
  session?.undo.forEach(undo => undo());
  session = undefined;
  document.querySelectorAll('.bls-gan-marks, .bls-gan-bar').forEach(element => element.remove());
}

function listen(target, name, listener, capture = false) {
  target.addEventListener(name, listener, capture);
  session.undo.push(() => target.removeEventListener(name, listener, capture));
}

function finish(marks) {
  const { done } = session;
  stop();
  done(marks);
}

function bar() {
  const button = (name, label, title, onclick) =>
    elementOf('button', { 'data-cy': `bls-gan-${name}`, title, onclick }, label);
  const separate = button('separate', 'Separate', 'Enter', () => finish(session.marks));
  const clear = button('clear', 'Clear', 'Remove all marks', () => {
    session.marks.length = 0;
    draw();
  });
  const hint = elementOf('span', { class: 'bls-gan-hint', 'data-cy': 'bls-gan-hint' });
  separate.classList.add('bls-gan-primary');
  session.show = () => {
    const { length } = session.marks;
    separate.disabled = clear.disabled = !length;
    hint.textContent = length
      ? `${length} joint${length > 1 ? 's' : ''} marked`
      : 'Click a joint, or draw a box around it. Fingers must point up.';
  };
  return elementOf(
    'div',
    { class: 'bls-gan-bar', 'data-cy': 'bls-gan-bar' },
    hint,
    separate,
    clear,
    button('cancel', 'Cancel', 'Escape', () => finish()),
  );
}

function key(event) {
  if (event.key !== 'Enter' && event.key !== 'Escape') {
    return;
  }
  event.preventDefault();
  event.stopPropagation();
  if (event.key === 'Escape') {
    finish();
  } else if (session.marks.length) {
    finish(session.marks);
  }
}

function onImage(event) {
  return (event.button ?? 0) === 0 && !event.target.closest('.bls-gan-bar');
}

function press(event) {
  if (!onImage(event) || !event.isPrimary) {
    return;
  }
  event.stopPropagation();
  const start = onCanvas(event);
  const drag = move => {
    session.drawn = far(start, onCanvas(move)) ? boxOf(start, onCanvas(move)) : undefined;
    draw();
  };
  const release = up => {
    window.removeEventListener('pointermove', drag, true);
    window.removeEventListener('pointerup', release, true);
    if (session) {
      session.drawn = undefined;
      take(start, onCanvas(up));
    }
  };
  window.addEventListener('pointermove', drag, true);
  window.addEventListener('pointerup', release, true);
}

/** Take a press and release as a mark, as the removal of one, or, done twice, as the wish to separate. */
function take(start, end) {
  const { marks } = session;
  const now = performance.now();
  if (far(start, end)) {
    const box = boxOf(start, end);
    if (box.right > box.left && box.bottom > box.top) {
      marks.push(box);
    }
  } else {
    const twice = session.last && now - session.last.time < DOUBLE_CLICK_MS && !far(session.last.at, end);
    if (twice && marks.length) {
      finish(marks);
      return;
    }
    const hit = marks.findIndex(one => handles(one).some(handle => distance(handle, end) < HIT_PX));
    const [x, y] = toPixel(end);
    if (hit >= 0) {
      marks.splice(hit, 1);
    } else if (inside(x, y)) {
      marks.push({ x, y });
      session.last = { time: now, at: end };
    }
  }
  draw();
}

function onCanvas(event) {
  const { left, top } = session.pane.canvas.getBoundingClientRect();
  return [event.clientX - left, event.clientY - top];
}

function distance(one, other) {
  return Math.hypot(one[0] - other[0], one[1] - other[1]);
}

function far(one, other) {
  return distance(one, other) >= DRAG_PX;
}

function size() {
  return session.pane.getImageData().dimensions;
}

function inside(x, y) {
  const [columns, rows] = size();
  return x >= 0 && y >= 0 && x < columns && y < rows;
}

/** Column and row, whole px, of a place on the screen. */
function toPixel(canvas) {
  const { imageData } = session.pane.getImageData();
  return [...imageData.worldToIndex(session.pane.canvasToWorld(canvas))].slice(0, 2).map(Math.round);
}

function toCanvas(column, row) {
  const { imageData } = session.pane.getImageData();
  return session.pane.worldToCanvas([...imageData.indexToWorld([column, row, 0])]);
}

function boxOf(one, other) {
  const [columns, rows] = size();
  const [[left, top], [right, bottom]] = [toPixel(one), toPixel(other)];
  const between = (value, end) => Math.min(Math.max(value, 0), end);
  return {
    left: between(Math.min(left, right), columns),
    top: between(Math.min(top, bottom), rows),
    right: between(Math.max(left, right), columns),
    bottom: between(Math.max(top, bottom), rows),
  };
}

function middle(one) {
  return 'x' in one ? [one.x, one.y] : [(one.left + one.right) / 2, (one.top + one.bottom) / 2];
}

/** Where a click takes a mark away: its cross and its number. */
function handles(one) {
  const { left, top } = regionOf(one);
  return [toCanvas(...middle(one)), toCanvas(left, top)];
}

/** The region of a mark as a box. */
function regionOf(one) {
  if (!('x' in one)) {
    return one;
  }
  const [across, down] = session.pane.getImageData().spacing.map(spacing => REGION_MM / 2 / spacing);
  return { left: one.x - across, top: one.y - down, right: one.x + across, bottom: one.y + down };
}

function draw() {
  if (!session?.pane.getImageData()) {
    return;
  }
  const known = session.known.map(({ joint, box: [top, left, bottom, right] }) => ({
    left,
    top,
    right,
    bottom,
    joint,
  }));
  draw.layer.replaceChildren(
    ...known.flatMap(box => [outline(box, 'known'), caption(box, titleOf(box.joint))]),
    ...session.marks.flatMap((one, number) => [
      outline(regionOf(one), 'x' in one ? 'region' : 'box'),
      ...badge(one, number + 1),
    ]),
    ...(session.drawn ? [outline(session.drawn, 'box')] : []),
  );
  session.show();
}

function shape(name, attributes, text) {
  const element = document.createElementNS(SVG, name);
  Object.entries(attributes).forEach(([key, value]) => element.setAttribute(key, value));
  if (text !== undefined) {
    element.textContent = text;
  }
  return element;
}

function outline({ left, top, right, bottom }, kind) {
  const corners = [
    [left, top],
    [right, top],
    [right, bottom],
    [left, bottom],
  ].map(corner => toCanvas(...corner).join(','));
  return shape('polygon', { points: corners.join(' '), class: `bls-gan-${kind}` });
}

function caption({ left, top }, text) {
  const [x, y] = toCanvas(left, top);
  return shape('text', { x, y: y - 4, class: 'bls-gan-caption' }, text);
}

/** A cross on the joint, and the mark's number beside it, where it covers no bone that matters. */
function badge(one, number) {
  const [x, y] = toCanvas(...middle(one));
  const { left, top } = regionOf(one);
  const [cx, cy] = toCanvas(left, top);
  return [
    shape('path', { d: `M${x - 7} ${y}h14M${x} ${y - 7}v14`, class: 'bls-gan-cross' }),
    shape('circle', { cx, cy, r: 10, class: 'bls-gan-badge', 'data-cy': 'bls-gan-mark' }),
    shape('text', { x: cx, y: cy, class: 'bls-gan-number' }, number),
  ];
}

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

// The tool that marks joints on the radiograph: a click is a joint, a drag a box around one; marks can be dragged.

import { ORIGINAL } from '../constants.js';
import { state } from '../state.js';
import { createElement, createShape } from '../utils/dom.js';
import { formatJoint } from '../utils/format.js';
import { getLibraries, getViewport } from '../utils/ohif.js';

/** Shortest drag that is a box, px of the screen. */
const DRAG_PX = 8;
/** Largest distance at which a click hits a mark, px of the screen. */
const HIT_PX = 14;
const DOUBLE_CLICK_MS = 350;
/** Largest confidence that is shown: nothing is certain. */
const CERTAIN = 0.99;

/** Marks, listeners and elements of the tool while it is open. */
let session;

/**
 * Let joints be marked on the original, until they shall be separated or marking is cancelled.
 *
 * @param known joints that have been separated before: {joint, box}
 * @param marks to begin with; those that were found have `joint`, `confidence` and `unsure`
 * @param done called with the marks, [{x, y}] or [{left, top, right, bottom}]; with undefined when cancelled
 */
export function openMarkingTool(known, marks, done) {
  closeMarkingTool();
  state.marking = true;
  const pane = getViewport(ORIGINAL);
  const layer = createShape('svg', { class: 'bls-gan-marks' });
  session = { pane, layer, known, done, marks: [...marks], undo: [] };
  const frame = pane.element.parentElement;
  frame.classList.add('bls-gan-marking');
  frame.append(layer, createBar());
  session.undo.push(() => frame.classList.remove('bls-gan-marking'));
  listen(frame, 'pointerdown', onPointerDown, true);
  // The viewer's tools must not get the main button; wheel and other buttons still zoom and pan.
  for (const name of ['mousedown', 'touchstart', 'dblclick', 'click']) {
    listen(frame, name, event => isOnImage(event) && event.stopPropagation(), true);
  }
  listen(window, 'keydown', onKeyDown, true);
  const { CAMERA_MODIFIED, IMAGE_RENDERED } = getLibraries().cornerstone.Enums.Events;
  listen(pane.element, CAMERA_MODIFIED, drawMarks);
  listen(pane.element, IMAGE_RENDERED, drawMarks);
  drawMarks();
}

/** Remove the tool from the screen; its marks are lost. */
export function closeMarkingTool() {
  state.marking = false;
  session?.undo.forEach(undo => undo());
  session = undefined;
  document.querySelectorAll('.bls-gan-marks, .bls-gan-bar').forEach(element => element.remove());
}

/** Add a listener that is removed with the tool. */
function listen(target, name, listener, capture = false) {
  target.addEventListener(name, listener, capture);
  session.undo.push(() => target.removeEventListener(name, listener, capture));
}

/** Close the tool and hand over the marks. */
function finish(marks) {
  const { done } = session;
  closeMarkingTool();
  done(marks);
}

/** Create the bar with hint and buttons below the image. */
function createBar() {
  const button = (name, label, title, onclick) =>
    createElement('button', { 'data-cy': `bls-gan-${name}`, title, onclick }, label);
  const separate = button('separate', 'Separate', 'Enter', () => finish(session.marks));
  const clear = button('clear', 'Clear', 'Remove all marks', () => {
    session.marks.length = 0;
    drawMarks();
  });
  const hint = createElement('span', { class: 'bls-gan-hint', 'data-cy': 'bls-gan-hint' });
  separate.classList.add('bls-gan-primary');
  session.updateBar = () => {
    const { length } = session.marks;
    separate.disabled = clear.disabled = !length;
    hint.textContent = length
      ? `${length} joint${length > 1 ? 's' : ''} marked${session.marks.some(one => one.joint) ? ': drag to move, click to drop' : ''}`
      : 'Click a joint, or draw a box around it. Fingers must point up.';
  };
  return createElement(
    'div',
    { class: 'bls-gan-bar', 'data-cy': 'bls-gan-bar' },
    hint,
    separate,
    clear,
    button('cancel', 'Cancel', 'Escape', () => finish()),
  );
}

function onKeyDown(event) {
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

/** Return whether the main button was pressed on the image, not on the bar. */
function isOnImage(event) {
  return (event.button ?? 0) === 0 && !event.target.closest('.bls-gan-bar');
}

function onPointerDown(event) {
  if (!isOnImage(event) || !event.isPrimary) {
    return;
  }
  event.stopPropagation();
  const start = canvasPoint(event);
  const held = findMark(start);
  const drag = move => {
    const now = canvasPoint(move);
    if (held >= 0 && isFar(start, now)) {
      session.moved = { index: held, mark: moveMark(session.marks[held], start, now) };
    } else {
      session.dragged = isFar(start, now) ? boxBetween(start, now) : undefined;
    }
    drawMarks();
  };
  const release = up => {
    window.removeEventListener('pointermove', drag, true);
    window.removeEventListener('pointerup', release, true);
    if (!session) {
      return;
    }
    session.dragged = session.moved = undefined;
    if (held >= 0 && isFar(start, canvasPoint(up))) {
      session.marks[held] = moveMark(session.marks[held], start, canvasPoint(up));
      drawMarks();
    } else {
      changeMarks(start, canvasPoint(up));
    }
  };
  window.addEventListener('pointermove', drag, true);
  window.addEventListener('pointerup', release, true);
}

/** Add a mark, remove the one that was hit, or finish at a double click. */
function changeMarks(start, end) {
  const { marks } = session;
  const now = performance.now();
  if (isFar(start, end)) {
    const box = boxBetween(start, end);
    if (box.right > box.left && box.bottom > box.top) {
      marks.push(box);
    }
  } else {
    const twice = session.last && now - session.last.time < DOUBLE_CLICK_MS && !isFar(session.last.at, end);
    if (twice && marks.length) {
      finish(marks);
      return;
    }
    const hit = findMark(end);
    const [x, y] = toPixel(end);
    if (hit >= 0) {
      marks.splice(hit, 1);
    } else if (isInsideImage(x, y)) {
      marks.push({ x, y });
      session.last = { time: now, at: end };
    }
  }
  drawMarks();
}

/** Return the index of the mark whose cross or number lies at a position on the canvas, or -1. */
function findMark(at) {
  return session.marks.findIndex(one => handlesOf(one).some(handle => distance(handle, at) < HIT_PX));
}

/** Return a mark moved from one position on the canvas to another, its middle inside the image. */
function moveMark(one, from, to) {
  const [start, end] = [toPixel(from), toPixel(to)];
  const [columns, rows] = imageSize();
  const isPoint = 'x' in one;
  const { left, top, right, bottom } = isPoint ? { left: one.x, top: one.y, right: one.x + 1, bottom: one.y + 1 } : one;
  const dx = Math.min(Math.max(end[0] - start[0], -left), columns - right);
  const dy = Math.min(Math.max(end[1] - start[1], -top), rows - bottom);
  const place = isPoint
    ? { x: one.x + dx, y: one.y + dy }
    : { left: left + dx, top: top + dy, right: right + dx, bottom: bottom + dy };
  // Whoever has moved it has looked at it.
  return { ...one, ...place, confidence: undefined, unsure: false };
}

/** Return the position of an event, px of the canvas. */
function canvasPoint(event) {
  const { left, top } = session.pane.canvas.getBoundingClientRect();
  return [event.clientX - left, event.clientY - top];
}

function distance(one, other) {
  return Math.hypot(one[0] - other[0], one[1] - other[1]);
}

/** Return whether two positions are too far apart for a click. */
function isFar(one, other) {
  return distance(one, other) >= DRAG_PX;
}

/** Return columns and rows of the image. */
function imageSize() {
  return session.pane.getImageData().dimensions;
}

function isInsideImage(x, y) {
  const [columns, rows] = imageSize();
  return x >= 0 && y >= 0 && x < columns && y < rows;
}

/** Convert a position on the canvas to column and row, rounded. */
function toPixel(canvas) {
  const { imageData } = session.pane.getImageData();
  return [...imageData.worldToIndex(session.pane.canvasToWorld(canvas))].slice(0, 2).map(Math.round);
}

/** Convert column and row to a position on the canvas. */
function toCanvas(column, row) {
  const { imageData } = session.pane.getImageData();
  return session.pane.worldToCanvas([...imageData.indexToWorld([column, row, 0])]);
}

/** Return the box between two positions on the canvas, inside the image. */
function boxBetween(one, other) {
  const [columns, rows] = imageSize();
  const [[left, top], [right, bottom]] = [toPixel(one), toPixel(other)];
  const clamp = (value, end) => Math.min(Math.max(value, 0), end);
  return {
    left: clamp(Math.min(left, right), columns),
    top: clamp(Math.min(top, bottom), rows),
    right: clamp(Math.max(left, right), columns),
    bottom: clamp(Math.max(top, bottom), rows),
  };
}

/** Return column and row of the middle of a mark. */
function middleOf(one) {
  return 'x' in one ? [one.x, one.y] : [(one.left + one.right) / 2, (one.top + one.bottom) / 2];
}

/** Return the positions at which a click removes a mark: its cross and its number. */
function handlesOf(one) {
  const { left, top } = regionOf(one);
  return [toCanvas(...middleOf(one)), toCanvas(left, top)];
}

/** Return the region of a mark, a box; around a click the one that the server takes. */
function regionOf(one) {
  if (!('x' in one)) {
    return one;
  }
  const [across, down] = session.pane.getImageData().spacing.map(spacing => state.regionMm / 2 / spacing);
  return { left: one.x - across, top: one.y - down, right: one.x + across, bottom: one.y + down };
}

/** Draw known joints, marks and the box that is being dragged. */
function drawMarks() {
  if (!session?.pane.getImageData()) {
    return;
  }
  session.layer.replaceChildren(
    ...session.known.flatMap(({ joint, box: [top, left, bottom, right] }) => [
      createOutline({ left, top, right, bottom }, 'known'),
      createCaption({ left, top }, formatJoint(joint)),
    ]),
    ...session.marks
      .map((one, index) => (session.moved?.index === index ? session.moved.mark : one))
      .flatMap((one, index) => [
        createOutline(regionOf(one), outlineOf(one)),
        ...createBadge(one, index + 1),
        ...(one.joint ? [createCaption(besideBadge(one), captionOf(one))] : []),
      ]),
    ...(session.dragged ? [createOutline(session.dragged, 'box')] : []),
  );
  session.updateBar();
}

/** Return the kind of outline of a mark. */
function outlineOf(one) {
  if (one.unsure) {
    return 'unsure';
  }
  return 'x' in one ? 'region' : 'box';
}

/** Return where the name of a mark stands: right of its number. */
function besideBadge(one) {
  const { left, top } = regionOf(one);
  const [x, y] = toCanvas(left, top);
  return { at: [x + 14, y - 6] };
}

/** Return the name of a mark, and how surely it was found. */
function captionOf({ joint, confidence, unsure }) {
  const figure = confidence === undefined ? '' : ` ${Math.min(confidence, CERTAIN).toFixed(2)}${unsure ? ' ?' : ''}`;
  return `${formatJoint(joint)}${figure}`;
}

function createOutline({ left, top, right, bottom }, kind) {
  const corners = [
    [left, top],
    [right, top],
    [right, bottom],
    [left, bottom],
  ].map(corner => toCanvas(...corner).join(','));
  return createShape('polygon', { points: corners.join(' '), class: `bls-gan-${kind}` });
}

function createCaption({ left, top, at }, text) {
  const [x, y] = at ?? toCanvas(left, top);
  return createShape('text', { x, y: at ? y : y - 4, class: 'bls-gan-caption' }, text);
}

/** Create a cross on the joint, and the mark's number at the corner of its region, where it covers no joint. */
function createBadge(one, number) {
  const [x, y] = toCanvas(...middleOf(one));
  const { left, top } = regionOf(one);
  const [cx, cy] = toCanvas(left, top);
  return [
    createShape('path', { d: `M${x - 7} ${y}h14M${x} ${y - 7}v14`, class: 'bls-gan-cross' }),
    createShape('circle', { cx, cy, r: 10, class: 'bls-gan-badge', 'data-cy': 'bls-gan-mark' }),
    createShape('text', { x: cx, y: cy, class: 'bls-gan-number' }, number),
  ];
}

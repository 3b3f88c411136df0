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

// The dialog that compares two visits of a joint: original and layers on each other, aligned on the metacarpal.

import { createJointSpaceSlider } from './createJointSpaceSlider.js';
import { createVisitPane } from './createVisitPane.js';
import { leaveOut, moveLines } from './measureJoint.js';
import { formatWidth } from './study/jointSpaces.js';
import { formatDate } from './study/views.js';
import { requestPictures } from './utils/api.js';
import { createElement } from './utils/dom.js';
import { formatJoint, formatSentence } from './utils/format.js';
import { notify } from './utils/ohif.js';

const FLICKER_MS = 450;
const NOTICE = 'Computed layers and widths. Research use, not a medical device.';

/** Return the changes that end at the last visit, the one from the visit before it first. */
function listChanges({ visits, changes }) {
  const last = visits.length - 1;
  return changes.filter(({ second }) => second === last).sort((one, other) => other.first - one.first);
}

/** Open the dialog for a joint of the report of a radiograph. */
export async function compareVisits(source, series) {
  const view = { source, series, blend: 1, moved: {}, timer: undefined };
  const dialog = createElement('dialog', {
    class: 'bls-gan-dialog bls-gan-compare',
    'data-cy': 'bls-gan-compare-dialog',
  });
  Object.assign(view, { dialog, change: listChanges(series)[0] });
  // Keys are the dialog's, not the viewer's, while it is open; Escape closes it.
  dialog.addEventListener('keydown', event => onKeyDown(view, event));
  dialog.addEventListener('close', () => {
    clearInterval(view.timer);
    dialog.remove();
  });
  document.body.append(dialog);
  dialog.showModal();
  await load(view);
}

/** Fetch the pictures of both visits, and draw the dialog. */
async function load(view) {
  const { dialog, series, source } = view;
  const { first, second } = view.change;
  dialog.replaceChildren(createElement('p', {}, 'Both visits are being aligned…'));
  try {
    view.pictures = await requestPictures(source, series.joint, first, second);
    view.moved = {};
    draw(view);
  } catch (error) {
    console.error(error);
    dialog.close();
    notify('error', formatSentence(error.message), { duration: 10000 });
  }
}

function draw(view) {
  const { pictures } = view;
  const onMove = (index, ends) => {
    view.moved[index] = ends;
    view.panes.forEach(pane => pane.drawLines());
    view.again.disabled = false;
  };
  const options = {
    pictures,
    isShown: index => (view.blend < 0.5 ? 0 : 1) === index,
    endsOf: index => endsOf(view, index),
  };
  view.panes = [
    createVisitPane('Original', 'original', ['upper', 'lower', 'minimum'], { ...options, onMove }),
    createVisitPane('Upper bone', 'upper', ['upper'], options),
    createVisitPane('Lower bone', 'lower', ['lower'], options),
  ];
  view.adjust = createJointSpaceSlider(pictures, view.panes[0].stack);
  view.dialog.replaceChildren(
    createHeader(view),
    createElement('div', { class: 'bls-gan-panes' }, ...view.panes.map(({ element }) => element)),
    createBlend(view),
    view.adjust.element,
    createActions(view),
  );
  setBlend(view, view.blend);
  view.slider.focus();
}

/** Return the ends of the line of a visit's smallest width on the grid, as they are now. */
function endsOf({ moved, pictures }, index) {
  return moved[index] ?? pictures.visits[index].lines.minimum;
}

function createHeader(view) {
  const { change, series } = view;
  const [first, second] = [series.visits[change.first], series.visits[change.second]];
  const row = visit => `${formatDate(visit.date) || 'No date'}: ${formatWidth(visit)}`;
  const restsOn = second.rests_on && `Millimetres: ${second.rests_on}.`;
  return createElement(
    'div',
    { class: 'bls-gan-summary' },
    createElement('div', { class: 'bls-gan-title' }, `${formatJoint(series.joint)}, ${series.side} hand`),
    createElement(
      'div',
      { class: 'bls-gan-result', 'data-cy': 'bls-gan-result' },
      formatSentence(change.in_words),
      createElement(
        'span',
        { class: 'bls-gan-line' },
        'Change of the joint space and its uncertainty: in 95 of 100 cases the truth lies within ±.',
      ),
    ),
    createElement('div', { class: 'bls-gan-line' }, row(first), createElement('br'), row(second)),
    createElement(
      'div',
      { class: 'bls-gan-line' },
      [restsOn, ...change.warnings.map(formatSentence)].filter(Boolean).join(' '),
    ),
    createChoice(view),
  );
}

/** Create the choice of the earlier visit, where there are several. */
function createChoice(view) {
  const changes = listChanges(view.series);
  if (changes.length < 2) {
    return undefined;
  }
  const option = (change, number) =>
    createElement(
      'option',
      { value: number, selected: change === view.change },
      `Compared with ${formatDate(view.series.visits[change.first].date)}`,
    );
  const onchange = event => {
    view.change = changes[event.target.value];
    load(view);
  };
  return createElement('select', { 'data-cy': 'bls-gan-earlier', onchange }, ...changes.map(option));
}

/** Create the slider from the earlier visit to the later one, and the button that lets them flicker. */
function createBlend(view) {
  const { change, series } = view;
  const label = number => createElement('span', {}, formatDate(series.visits[number].date) || `Visit ${number + 1}`);
  view.slider = createElement('input', {
    type: 'range',
    min: 0,
    max: 1,
    step: 0.01,
    'aria-label': 'From the earlier to the later visit',
    'data-cy': 'bls-gan-blend',
    oninput: event => {
      stopFlicker(view);
      setBlend(view, Number(event.target.value));
    },
  });
  view.flicker = createElement(
    'button',
    { class: 'bls-gan-secondary', 'data-cy': 'bls-gan-flicker', onclick: () => toggleFlicker(view) },
    'Flicker (F)',
  );
  return createElement(
    'div',
    { class: 'bls-gan-blend' },
    label(change.first),
    view.slider,
    label(change.second),
    view.flicker,
    createElement('span', { class: 'bls-gan-line' }, 'Space: the other visit'),
  );
}

function createActions(view) {
  const button = (name, label, onclick, more = {}) =>
    createElement('button', { class: 'bls-gan-secondary', 'data-cy': `bls-gan-${name}`, onclick, ...more }, label);
  view.again = button('measure-moved', 'Measure with these lines', () => measureMoved(view), { disabled: true });
  return createElement(
    'div',
    { class: 'bls-gan-actions' },
    view.again,
    button('leave-out-compared', 'Leave out of the report', () => {
      view.dialog.close();
      leaveOut(view.source, view.series.joint);
    }),
    createElement('span', { class: 'bls-gan-line' }, `Drag the ends of the white line to correct it. ${NOTICE}`),
    button('close-compare', 'Close', () => view.dialog.close(), { class: 'bls-gan-primary' }),
  );
}

/** Show a mixture of both visits: 0 the earlier one, 1 the later one. */
function setBlend(view, blend) {
  view.blend = blend;
  view.slider.value = blend;
  view.adjust.reset();
  view.panes.forEach(pane => pane.setBlend(blend));
}

function toggleFlicker(view) {
  if (view.timer) {
    stopFlicker(view);
  } else {
    view.timer = setInterval(() => setBlend(view, view.blend < 0.5 ? 1 : 0), FLICKER_MS);
    view.flicker.setAttribute('aria-pressed', 'true');
  }
}

function stopFlicker(view) {
  clearInterval(view.timer);
  view.timer = undefined;
  view.flicker?.removeAttribute('aria-pressed');
}

function onKeyDown(view, event) {
  event.stopPropagation();
  if (!view.panes || event.target.matches('select')) {
    return;
  }
  if (event.key === ' ' && !event.target.matches('button')) {
    event.preventDefault();
    stopFlicker(view);
    setBlend(view, view.blend < 0.5 ? 1 : 0);
  } else if (event.key.toLowerCase() === 'f') {
    toggleFlicker(view);
  }
}

/** Let the joint be measured with the lines that were moved, and show the result. */
async function measureMoved(view) {
  stopFlicker(view);
  const lines = Object.fromEntries(
    Object.entries(view.moved).map(([index, ends]) => {
      const { image, to_image: affine } = view.pictures.visits[index];
      const place = ([x, y]) => affine.map(([a, b, c]) => a * x + b * y + c).reverse();
      return [image, ends.map(place)];
    }),
  );
  view.again.disabled = true;
  const series = await moveLines(view.source, view.series.joint, lines);
  if (!series || !view.dialog.isConnected) {
    view.again.disabled = false;
    return;
  }
  const { first, second } = view.change;
  view.series = series;
  view.change = series.changes.find(one => one.first === first && one.second === second);
  await load(view);
}

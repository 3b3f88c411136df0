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

// The side panel that lists the separated joints and shows the one that is clicked.

import { findJoints, markJoints, separateWithMasks } from './commands.js';
import { createJointSpace } from './createJointSpace.js';
import { isSideBySide } from './hangingProtocol.js';
import { removeResult } from './removeResult.js';
import { state } from './state.js';
import { listJoints } from './study/displaySets.js';
import { createComponent, createElement } from './utils/dom.js';
import { formatJoint, formatMasks, formatOverlap, formatSentence } from './utils/format.js';
import { hasLabelMap } from './viewports/masks.js';
import { showJointOrNotify } from './viewports/showJoint.js';

const panels = new Set();

/** The panel as a React component. */
export const JointsPanel = createComponent(element => {
  panels.add(element);
  drawPanel(element);
}, 'bls-gan-panel');

/** Draw all panels anew. */
export function redrawPanels() {
  for (const element of panels) {
    if (element.isConnected) {
      drawPanel(element);
    } else {
      panels.delete(element);
    }
  }
}

function drawPanel(element) {
  // Position of the list and keyboard focus stay.
  const scrolled = element.querySelector('.bls-gan-list')?.scrollTop;
  const focused = element.contains(document.activeElement) && document.activeElement.dataset.row;
  const joints = listJoints();
  element.replaceChildren(
    createElement('div', { class: 'bls-gan-title' }, 'Separated joints'),
    ...(joints.length
      ? [createElement('div', { class: 'bls-gan-list' }, ...joints.flatMap(createEntry)), createSeparateAgain()]
      : [createEmptyNotice()]),
  );
  const list = element.querySelector('.bls-gan-list');
  if (list) {
    list.scrollTop = scrolled ?? 0;
    list.querySelector('.bls-gan-shown')?.scrollIntoView({ block: 'nearest' });
    list.querySelector(`[data-row="${focused}"]`)?.focus({ preventScroll: true });
  }
}

function createEmptyNotice() {
  return createElement(
    'div',
    { class: 'bls-gan-empty' },
    'None yet. Let the joints be found, or mark those whose bones overlap.',
    createElement(
      'button',
      { class: 'bls-gan-primary', disabled: state.busy || state.marking, onclick: findJoints },
      'Find joints',
    ),
    createElement(
      'button',
      { class: 'bls-gan-secondary', disabled: state.busy || state.marking, onclick: markJoints },
      'Separate bones',
    ),
  );
}

/** Create a joint's row, and below it its widths over time. */
function createEntry(joint) {
  const shown = isSideBySide() && joint.source === state.source && joint.joint === state.joint;
  return [createRow(joint, shown), createJointSpace(joint, shown)].filter(Boolean);
}

function createRow(joint, shown) {
  const lines = [joint.view, formatOverlap(joint), formatMasks(joint.masks)].filter(Boolean);
  return createElement(
    'button',
    {
      class: `bls-gan-row${shown ? ' bls-gan-shown' : ''}`,
      'aria-pressed': String(shown),
      'data-cy': 'bls-gan-joint',
      'data-row': `${joint.source} ${joint.joint}`,
      title: shown ? 'Zoom to this joint' : 'Show this joint',
      disabled: state.busy,
      onclick: () => showJointOrNotify(joint.source, joint.joint),
    },
    createElement('span', { class: 'bls-gan-name' }, formatJoint(joint.joint)),
    ...lines.map(line => createElement('span', { class: 'bls-gan-line' }, line)),
    ...joint.warnings.map(warning => createElement('span', { class: 'bls-gan-warning' }, formatSentence(warning))),
  );
}

/** Create the button that separates again with the masks on the screen. */
function createSeparateAgain() {
  const usable = isSideBySide() && !state.busy && hasLabelMap(state.source);
  return createElement(
    'div',
    { class: 'bls-gan-again' },
    createElement(
      'button',
      {
        class: state.corrected ? 'bls-gan-primary' : 'bls-gan-secondary',
        'data-cy': 'bls-gan-again',
        disabled: !usable,
        title: 'Use the masks over the original as they are on the screen',
        onclick: separateWithMasks,
      },
      'Separate again with these masks',
    ),
    createElement(
      'button',
      {
        class: 'bls-gan-secondary',
        'data-cy': 'bls-gan-remove',
        disabled: !usable,
        title: 'Take the layers and masks of the joint that is shown out of the PACS',
        onclick: removeResult,
      },
      'Remove this result',
    ),
    createElement(
      'span',
      { class: 'bls-gan-line' },
      'Correct the masks with the tools below: lower bone, upper bone, overlap.',
    ),
  );
}

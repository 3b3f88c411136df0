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

// The panel that lists the separated joints with their figures, and from which one is chosen.

import { componentOf, elementOf } from './utils/dom.js';
import { markJoints, separateWithMasks } from './commands.js';
import { joints } from './study/displaySets.js';
import { labelMapThere } from './viewports/masks.js';
import { look } from './viewports/showJoint.js';
import { state } from './state.js';
import { masksFrom, overlapIn, sentence, titleOf } from './utils/format.js';

const drawn = new Set();

/** A React component for OHIF's side panel. */
export const JointsPanel = componentOf(element => {
  drawn.add(element);
  fill(element);
}, 'bls-gan-panel');

export function redraw() {
  for (const element of drawn) {
    if (element.isConnected) {
      fill(element);
    } else {
      drawn.delete(element);
    }
  }
}

function fill(element) {
  const now = state();
  // What is drawn anew stays where it was, and what had the keys keeps them.
  const scrolled = element.querySelector('.bls-gan-list')?.scrollTop;
  const focused = element.contains(document.activeElement) && document.activeElement.dataset.joint;
  const found = joints();
  element.replaceChildren(
    elementOf('div', { class: 'bls-gan-title' }, 'Separated joints'),
    found.length ? elementOf('div', { class: 'bls-gan-list' }, ...found.map(joint => row(joint, now))) : nothing(now),
    ...(found.length ? [again(now)] : []),
  );
  const list = element.querySelector('.bls-gan-list');
  if (list) {
    list.scrollTop = scrolled ?? 0;
    list.querySelector('.bls-gan-shown')?.scrollIntoView({ block: 'nearest' });
    list.querySelector(`[data-joint="${focused}"]`)?.focus({ preventScroll: true });
  }
}

function nothing(now) {
  return elementOf(
    'div',
    { class: 'bls-gan-empty' },
    'None yet. Mark the joints whose bones overlap.',
    elementOf(
      'button',
      { class: 'bls-gan-primary', disabled: now.busy || now.marking, onclick: markJoints },
      'Separate bones',
    ),
  );
}

function row(joint, now) {
  const shown = now.sideBySide && joint.source === now.source && joint.joint === now.joint;
  const lines = [overlapIn(joint), masksFrom(joint.masks)].filter(Boolean);
  return elementOf(
    'button',
    {
      class: `bls-gan-row${shown ? ' bls-gan-shown' : ''}`,
      'aria-pressed': String(shown),
      'data-cy': 'bls-gan-joint',
      'data-joint': joint.joint,
      title: shown ? 'Zoom to this joint' : 'Show this joint',
      disabled: now.busy,
      onclick: () => look(joint.source, joint.joint),
    },
    elementOf('span', { class: 'bls-gan-name' }, titleOf(joint.joint)),
    ...lines.map(line => elementOf('span', { class: 'bls-gan-line' }, line)),
    ...joint.warnings.map(warning => elementOf('span', { class: 'bls-gan-warning' }, sentence(warning))),
  );
}

/** Separation with the masks as they are on the screen. */
function again(now) {
  const usable = now.sideBySide && !now.busy && labelMapThere(now.source);
  return elementOf(
    'div',
    { class: 'bls-gan-again' },
    elementOf(
      'button',
      {
        class: now.corrected ? 'bls-gan-primary' : 'bls-gan-secondary',
        'data-cy': 'bls-gan-again',
        disabled: !usable,
        title: 'The masks over the original decide where each bone is',
        onclick: separateWithMasks,
      },
      'Separate again with these masks',
    ),
    elementOf(
      'span',
      { class: 'bls-gan-line' },
      'Correct the masks with the tools below: lower bone, upper bone, overlap.',
    ),
  );
}

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

// The widths of a joint over its visits in the panel: plot, last change in words, and what can be done with them.

import { compareVisits } from './compareVisits.js';
import { createPlot } from './createPlot.js';
import { leaveOut, measureJoint } from './measureJoint.js';
import { state } from './state.js';
import { findJointSpace, formatWidth, lastChange } from './study/jointSpaces.js';
import { createElement } from './utils/dom.js';
import { formatSentence } from './utils/format.js';

/** Create what is shown below a joint's row; undefined for a joint that is neither measured nor shown. */
export function createJointSpace(joint, shown) {
  const series = findJointSpace(joint);
  if (!series) {
    return shown
      ? createElement('div', { class: 'bls-gan-space' }, createMeasure(joint, 'Measure over time'))
      : undefined;
  }
  const change = lastChange(series);
  const current = series.visits[series.visits.length - 1];
  return createElement(
    'div',
    { class: 'bls-gan-space', 'data-cy': 'bls-gan-space' },
    createPlot(series),
    createElement(
      'span',
      { class: 'bls-gan-words', 'data-cy': 'bls-gan-words' },
      change ? formatSentence(change.in_words) : 'No earlier visit of this hand.',
    ),
    createElement(
      'span',
      { class: 'bls-gan-line' },
      [`Joint space ${formatWidth(current)}`, current.rests_on].filter(Boolean).join(', '),
    ),
    shown ? createButtons(joint, series, change) : undefined,
  );
}

function createButtons(joint, series, change) {
  const button = (name, label, title, onclick, kind = 'bls-gan-secondary') =>
    createElement(
      'button',
      { class: kind, 'data-cy': `bls-gan-${name}`, title, disabled: state.busy || state.marking, onclick },
      label,
    );
  return createElement(
    'div',
    { class: 'bls-gan-buttons' },
    change &&
      button(
        'compare',
        'Compare',
        'See both visits on each other, aligned on the metacarpal',
        () => compareVisits(joint.source, series),
        'bls-gan-primary',
      ),
    createMeasure(joint, 'Measure again'),
    button('leave-out', 'Leave out', 'Take this joint out of the stored report', () =>
      leaveOut(joint.source, series.joint),
    ),
  );
}

function createMeasure(joint, label) {
  return createElement(
    'button',
    {
      class: 'bls-gan-secondary',
      'data-cy': 'bls-gan-measure',
      title: 'Measure the joint space at all visits of this hand, and store the report',
      disabled: state.busy || state.marking,
      onclick: () => measureJoint(joint),
    },
    label,
  );
}

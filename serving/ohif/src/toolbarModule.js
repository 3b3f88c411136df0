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

// Buttons with a text for the toolbar: no icon tells what they do.

import { ID } from './constants.js';
import { state } from './state.js';
import { createComponent, createElement } from './utils/dom.js';
import { hasLabelMap } from './viewports/masks.js';

const TextButton = createComponent((element, { id, label, tooltip, commands, disabled, isActive, onInteraction }) => {
  element.replaceChildren(
    createElement(
      'button',
      {
        class: `bls-gan-tool${isActive ? ' bls-gan-active' : ''}`,
        'data-cy': id,
        'aria-pressed': String(!!isActive),
        title: tooltip,
        disabled,
        onclick: event => onInteraction({ event, itemId: id, commands }),
      },
      label,
    ),
  );
}, 'flex items-center');

/** Return the buttons and their states, as OHIF asks an extension for them. */
export function getToolbarModule() {
  return [
    { name: `${ID}.textButton`, defaultComponent: TextButton },
    { name: `${ID}.evaluate.finding`, evaluate: () => ({ disabled: state.busy }) },
    { name: `${ID}.evaluate.marking`, evaluate: () => ({ disabled: state.busy, isActive: state.marking }) },
    {
      name: `${ID}.evaluate.masks`,
      evaluate: () => {
        const loaded = hasLabelMap(state.source);
        return { disabled: !loaded, isActive: loaded && state.masksVisible };
      },
    },
  ];
}

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

// The hanging protocol: original, upper and lower bone of one joint side by side, or the hand alone.

import { LOWER, ORIGINAL, PROTOCOL, UPPER, VIEWPORTS } from './constants.js';
import { describe, joints, originals } from './study/displaySets.js';
import { displaySets, services } from './utils/ohif.js';

const ATTRIBUTE = 'blsGanPane';
const SIDE_BY_SIDE = 'sideBySide';
const HAND = 'hand';

/** What is being looked at: the radiograph's SOP Instance UID and a joint's name. */
export const sight = { source: undefined, joint: undefined };

function selector(role) {
  return {
    seriesMatchingRules: [
      { weight: 10, attribute: ATTRIBUTE, constraint: { equals: { value: role } }, required: true },
    ],
  };
}

function pane(role) {
  return {
    viewportOptions: { viewportId: role, viewportType: 'stack', toolGroupId: 'default', allowUnmatchedView: true },
    displaySets: [{ id: role }],
  };
}

export const protocol = {
  id: PROTOCOL,
  locked: true,
  name: 'Separated bones',
  protocolMatchingRules: [
    { weight: 1000, attribute: 'numberOfDisplaySetsWithImages', constraint: { greaterThan: { value: 0 } } },
  ],
  toolGroupIds: ['default'],
  numberOfPriorsReferenced: 0,
  defaultViewport: {
    viewportOptions: { viewportType: 'stack', toolGroupId: 'default', allowUnmatchedView: true },
    displaySets: [{ id: 'any', matchedDisplaySetsIndex: -1 }],
  },
  displaySetSelectors: {
    ...Object.fromEntries(VIEWPORTS.map(role => [role, selector(role)])),
    any: {
      seriesMatchingRules: [{ weight: 10, attribute: 'numImageFrames', constraint: { greaterThan: { value: 0 } } }],
    },
  },
  stages: [
    {
      id: SIDE_BY_SIDE,
      name: 'Original, upper and lower bone',
      stageActivation: { passive: { minViewportsMatched: 3 }, enabled: { minViewportsMatched: 3 } },
      viewportStructure: { layoutType: 'grid', properties: { rows: 1, columns: 3 } },
      viewports: VIEWPORTS.map(pane),
    },
    {
      id: HAND,
      name: 'Radiograph alone',
      stageActivation: { passive: { minViewportsMatched: 0 }, enabled: { minViewportsMatched: 0 } },
      viewportStructure: { layoutType: 'grid', properties: { rows: 1, columns: 1 } },
      viewports: [pane(ORIGINAL)],
    },
  ],
};

/** Look at a joint; without one at the first joint of the radiograph, or of the study. */
function settle() {
  const known = joints();
  const chosen =
    known.find(({ source, joint }) => source === sight.source && joint === sight.joint) ??
    known.find(({ source }) => source === sight.source) ??
    (sight.source ? undefined : known[0]);
  const source = chosen?.source ?? originals().find(({ uid }) => uid === sight.source)?.uid ?? originals()[0]?.uid;
  return { source, joint: chosen?.joint };
}

/** Which pane a display set belongs in, now; OHIF's matching asks for it. */
function paneOf(displaySet) {
  const found = describe(displaySet);
  const { source, joint } = settle();
  if (found.role === ORIGINAL) {
    return found.uid === source ? ORIGINAL : '';
  }
  const layers = joints(source).find(one => one.joint === joint);
  return layers && (layers[UPPER] === displaySet || layers[LOWER] === displaySet) ? found.role : '';
}

export function register() {
  services().hangingProtocolService.addCustomAttribute(ATTRIBUTE, 'Pane of a separated joint', paneOf);
}

function hang(stageId) {
  const { hangingProtocolService } = services();
  const { studies, activeStudy } = hangingProtocolService;
  hangingProtocolService.run({ studies, activeStudy, displaySets: displaySets() }, PROTOCOL, { stageId });
}

/** Hang a joint: original, upper and lower bone. */
export function hangJoint(source, joint) {
  Object.assign(sight, { source, joint });
  hang(SIDE_BY_SIDE);
}

/** Hang the radiograph alone. */
export function hangHand(source) {
  sight.source = source ?? settle().source;
  hang(HAND);
}

/** Whether a joint hangs side by side. */
export function sideBySide() {
  const { viewports } = services().viewportGridService.getState();
  return VIEWPORTS.every(id => viewports.has(id));
}

/** Whether the panes are those of the protocol, and no layout that the radiologist has chosen. */
export function isOurs() {
  const { viewports } = services().viewportGridService.getState();
  return sideBySide() ? viewports.size === VIEWPORTS.length : viewports.size === 1 && viewports.has(ORIGINAL);
}

/** Take what OHIF has hung by itself, in a study just opened, as what is looked at. */
export function lookAround() {
  Object.assign(sight, settle());
  return sight;
}

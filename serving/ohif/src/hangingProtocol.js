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
import { state } from './state.js';
import { describeDisplaySet, listJoints, listRadiographs } from './study/displaySets.js';
import { getDisplaySets, getServices } from './utils/ohif.js';

const ATTRIBUTE = 'blsGanPane';
const SIDE_BY_SIDE = 'sideBySide';
const RADIOGRAPH = 'radiograph';

/** Select the display set of a pane. */
function createSelector(role) {
  return {
    seriesMatchingRules: [
      { weight: 10, attribute: ATTRIBUTE, constraint: { equals: { value: role } }, required: true },
    ],
  };
}

/** Describe a pane of a stage. */
function createPane(role) {
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
    ...Object.fromEntries(VIEWPORTS.map(role => [role, createSelector(role)])),
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
      viewports: VIEWPORTS.map(createPane),
    },
    {
      id: RADIOGRAPH,
      name: 'Radiograph alone',
      stageActivation: { passive: { minViewportsMatched: 0 }, enabled: { minViewportsMatched: 0 } },
      viewportStructure: { layoutType: 'grid', properties: { rows: 1, columns: 1 } },
      viewports: [createPane(ORIGINAL)],
    },
  ],
};

/**
 * Return {source, joint} to show: those of the state, else the first joint of the radiograph, or of all radiographs,
 * which are sorted: newest study, PA before oblique, right before left.
 */
export function chooseJoint() {
  const known = listJoints();
  const chosen =
    known.find(({ source, joint }) => source === state.source && joint === state.joint) ??
    known.find(({ source }) => source === state.source) ??
    (state.source ? undefined : known[0]);
  const radiographs = listRadiographs();
  const source = chosen?.source ?? (radiographs.find(({ uid }) => uid === state.source) ?? radiographs[0])?.uid;
  return { source, joint: chosen?.joint };
}

/** Return the pane in which a display set belongs now; OHIF calls it for each display set that it matches. */
function choosePane(displaySet) {
  const found = describeDisplaySet(displaySet);
  const { source, joint } = chooseJoint();
  if (found.role === ORIGINAL) {
    return found.uid === source ? ORIGINAL : '';
  }
  const layers = listJoints(source).find(one => one.joint === joint);
  return layers && (layers[UPPER] === displaySet || layers[LOWER] === displaySet) ? found.role : '';
}

/** Let the hanging protocol match display sets by {@link choosePane}. */
export function registerAttribute() {
  getServices().hangingProtocolService.addCustomAttribute(ATTRIBUTE, 'Pane of a separated joint', choosePane);
}

/** Show a stage of the protocol. */
function runProtocol(stageId) {
  const { hangingProtocolService } = getServices();
  const { studies, activeStudy } = hangingProtocolService;
  hangingProtocolService.run({ studies, activeStudy, displaySets: getDisplaySets() }, PROTOCOL, { stageId });
}

/** Hang a joint: original, upper and lower bone. */
export function hangJoint(source, joint) {
  Object.assign(state, { source, joint });
  runProtocol(SIDE_BY_SIDE);
}

/** Hang the radiograph alone. */
export function hangRadiograph(source) {
  state.source = source;
  runProtocol(RADIOGRAPH);
}

/** Return whether original, upper and lower bone hang side by side. */
export function isSideBySide() {
  const { viewports } = getServices().viewportGridService.getState();
  return VIEWPORTS.every(id => viewports.has(id));
}

/** Return whether the panes are those of the protocol, not a layout that the radiologist has chosen. */
export function isOwnLayout() {
  const { viewports } = getServices().viewportGridService.getState();
  return isSideBySide() ? viewports.size === VIEWPORTS.length : viewports.size === 1 && viewports.has(ORIGINAL);
}

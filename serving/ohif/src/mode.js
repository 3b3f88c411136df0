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

// The mode in which a radiologist separates joints: OHIF's segmentation mode with our panel, toolbar and captions.

import { ID, MODALITIES, PANEL, PROTOCOL, TITLES } from './constants.js';
import { describeDisplaySet } from './study/displaySets.js';
import { formatPatient, formatView, markerOf } from './study/views.js';
import { formatJoint } from './utils/format.js';
import { BRUSH_MM } from './viewports/brush.js';

const SEGMENTATION_MODE = '@ohif/mode-segmentation';
const MEASUREMENTS = '@ohif/extension-cornerstone.panelModule.panelMeasurement';
const REPORTS = '@ohif/extension-cornerstone-dicom-sr';
const REPORT_HANDLER = `${REPORTS}.sopClassHandlerModule.dicom-sr`;
const MASK_TOOLS = '@ohif/extension-cornerstone.panelModule.panelSegmentationWithToolsLabelMap';

/** Buttons of the toolbar's sections and of the viewports' corners, by OHIF's names. */
const SECTIONS = {
  primary: [
    'FindJoints',
    'SeparateBones',
    'ShowMasks',
    'WindowLevel',
    'Zoom',
    'Pan',
    'MeasurementTools',
    'Layout',
    'Export',
    'MoreTools',
  ],
  MeasurementTools: ['Length', 'Bidirectional', 'Angle', 'ArrowAnnotate'],
  MoreTools: ['Reset', 'rotate-right', 'flipHorizontal', 'invert', 'Magnify', 'Capture', 'TagBrowser'],
  // Tools for masks that work by hand on one image; the others fetch models from the web or need slices.
  LabelMapTools: ['BrushTools', 'Shapes', 'LabelMapEditWithContour'],
  BrushTools: ['Brush', 'Eraser'],
  labelMapSegmentationUtilities: [],
  'viewportActionMenu.topLeft': [],
  'viewportActionMenu.topRight': [],
  'viewportActionMenu.bottomLeft': [],
  'viewportActionMenu.bottomMiddle': [],
};

const BUTTONS = [
  {
    id: 'FindJoints',
    uiType: `${ID}.textButton`,
    props: {
      icon: 'tool-magnify',
      label: 'Find joints',
      tooltip: 'Propose the joints of the hand; drag or drop what is wrong, then separate them (F)',
      commands: 'findJoints',
      evaluate: `${ID}.evaluate.finding`,
    },
  },
  {
    id: 'SeparateBones',
    uiType: `${ID}.textButton`,
    props: {
      icon: 'tool-point',
      label: 'Separate bones',
      tooltip: 'Mark joints whose bones overlap, and see each bone by itself (S)',
      commands: 'markJoints',
      evaluate: `${ID}.evaluate.marking`,
    },
  },
  {
    id: 'ShowMasks',
    uiType: `${ID}.textButton`,
    props: {
      icon: 'tab-segmentation',
      label: 'Masks',
      tooltip: 'Show or hide the outlines of the bones on the original (M)',
      commands: 'toggleMasks',
      evaluate: `${ID}.evaluate.masks`,
    },
  },
  {
    id: 'Export',
    uiType: `${ID}.textButton`,
    props: {
      icon: 'tool-capture',
      label: 'Export',
      tooltip: 'Save the panes as a picture with captions, without the name of the patient',
      commands: 'exportPanes',
      evaluate: 'evaluate.action',
    },
  },
];

/** Return a button of OHIF with the radius of the brush for finger joints, and without its option for a sphere. */
function adaptBrush(button) {
  const options = button.props.options;
  if (!['Brush', 'Eraser'].includes(button.id) || !Array.isArray(options)) {
    return button;
  }
  const tuned = options.map(option => {
    if (option.type === 'range') {
      return { ...option, ...BRUSH_MM };
    }
    return option.type === 'radio' ? { ...option, values: option.values.slice(0, 1) } : option;
  });
  return { ...button, props: { ...button.props, options: tuned } };
}

/** Create a text in a corner of a pane; OHIF cuts off long ones. */
function createOverlay(id, textOf) {
  const contentF = ({ displaySets }) => {
    const instance = displaySets?.[0]?.instances?.[0];
    return instance ? textOf(instance, displaySets[0]) : '';
  };
  return { id, inheritsFrom: 'ohif.overlayItem', label: '', title: '', contentF };
}

/** Format what a pane shows: "Original", or "MCP2, upper bone". */
function formatRole(instance, displaySet) {
  const { role, joint } = describeDisplaySet(displaySet);
  if (!TITLES[role]) {
    return displaySet.SeriesDescription ?? '';
  }
  return joint ? `${formatJoint(joint)}, ${TITLES[role].toLowerCase()}` : TITLES[role];
}

/** Texts at the upper left of each pane, and the side's letter at its upper right. */
const CAPTIONS = [
  createOverlay('Caption', formatRole),
  createOverlay('View', formatView),
  createOverlay('Patient', formatPatient),
];
const MARKER = createOverlay('Marker', markerOf);

/** Create the mode from OHIF's segmentation mode. */
async function modeFactory({ loadModules }) {
  const [segmentation] = await loadModules([SEGMENTATION_MODE]);
  const basis = segmentation.modeInstance;
  const [route] = basis.routes;
  const props = {
    ...route.layoutInstance.props,
    // One panel of two parts: joints, and tools that correct their masks.
    rightPanels: [[PANEL, MASK_TOOLS], MEASUREMENTS],
    rightPanelClosed: false,
    viewports: [
      ...route.layoutInstance.props.viewports,
      { namespace: `${REPORTS}.viewportModule.dicom-sr`, displaySetsToDisplay: [REPORT_HANDLER] },
    ],
  };
  return {
    ...basis,
    id: ID,
    routeName: 'joints',
    displayName: 'Separate bones',
    hide: false,
    hangingProtocol: [PROTOCOL],
    sopClassHandlers: [...basis.sopClassHandlers, REPORT_HANDLER],
    routes: [{ ...route, path: 'joints', layoutInstance: { ...route.layoutInstance, props } }],
    toolbarButtons: [...basis.toolbarButtons, ...BUTTONS],
    toolbarSections: [...basis.toolbarSections, SECTIONS],
    toolGroupAdditions: { ...basis.toolGroupAdditions, default: [{ $reference: 'cornerstone.annotationTools' }] },
    modeCustomizations: {
      'ohif.hotkeyBindings': {
        $push: [
          { commandName: 'findJoints', label: 'Find joints', keys: ['f'], isEditable: true },
          { commandName: 'markJoints', label: 'Separate bones', keys: ['s'], isEditable: true },
          {
            commandName: 'deleteMeasurement',
            label: 'Delete the selected measurement',
            keys: ['del'],
            isEditable: true,
          },
          { commandName: 'toggleMasks', label: 'Show or hide masks', keys: ['m'], isEditable: true },
        ],
      },
      'viewportOverlay.topLeft': { $set: CAPTIONS },
      'viewportOverlay.topRight': { $set: [MARKER] },
      'viewportOverlay.bottomRight': { $set: [] },
      'panelSegmentation.disableEditing': { $set: false },
      'cornerstone.segmentationToolbarButtons': { $apply: buttons => buttons.map(adaptBrush) },
    },
    onSetupRouteComplete: ({ commandsManager }) => commandsManager.run('showOpenedStudy'),
    modeModalities: MODALITIES,
  };
}

export default { id: ID, modeFactory };

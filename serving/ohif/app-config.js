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

// OHIF's configuration: one origin, one data source, one mode, nothing that calls elsewhere.

/** Create the element in place of OHIF's logo; OHIF passes its React. */
function createLogo(React) {
  const line = (text, style) => React.createElement('span', { style }, text);
  return React.createElement(
    'div',
    {
      'data-cy': 'bls-gan-logo',
      style: { display: 'flex', flexDirection: 'column', lineHeight: 1.25, padding: '0 8px' },
    },
    line('BLS-GAN', { color: '#fff', fontSize: 14, fontWeight: 600, letterSpacing: '0.04em' }),
    line('Research use, not a medical device', { color: '#9ca3af', fontSize: 10, whiteSpace: 'nowrap' }),
  );
}

window.config = {
  name: 'bls-gan',
  routerBasename: '/',
  whiteLabeling: { createLogoComponentFn: createLogo },
  extensions: ['/bls-gan/src/index.js'],
  modes: ['/bls-gan/src/mode.js'],
  // OHIF's own modes, which are not for radiographs of hands.
  modesConfiguration: Object.fromEntries(
    ['longitudinal', 'basic', 'segmentation', 'tmtv', 'microscopy', 'preclinical-4d', 'ultrasound-pleura-bline'].map(
      mode => [`@ohif/mode-${mode}`, { hide: { $set: true } }],
    ),
  ),
  customizationService: {},
  showStudyList: true,
  // The header says so; a dialog over the image is not needed.
  investigationalUseDialog: { option: 'never' },
  showPatientInfo: 'visibleCollapsed',
  showLoadingIndicator: true,
  showWarningMessageForCrossOrigin: false,
  showCPUFallbackMessage: true,
  strictZSpacingForVolumeViewport: true,
  groupEnabledModesFirst: true,
  maxNumberOfWebWorkers: 3,
  maxNumRequests: { interaction: 100, thumbnail: 5, prefetch: 25 },
  defaultDataSourceName: 'pacs',
  dataSources: [
    {
      namespace: '@ohif/extension-default.dataSourcesModule.dicomweb',
      sourceName: 'pacs',
      configuration: {
        friendlyName: 'PACS',
        name: 'pacs',
        qidoRoot: `${window.location.origin}/pacs`,
        wadoRoot: `${window.location.origin}/pacs`,
        wadoUriRoot: `${window.location.origin}/pacs`,
        qidoSupportsIncludeField: true,
        imageRendering: 'wadors',
        thumbnailRendering: 'wadors',
        enableStudyLazyLoad: true,
        supportsFuzzyMatching: false,
        supportsWildcard: true,
        omitQuotationForMultipartRequest: true,
        bulkDataURI: { enabled: true },
        dicomUploadEnabled: false,
      },
    },
  ],
};

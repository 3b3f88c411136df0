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

// Names that several files share.

export const ID = 'bls-gan';
export const PANEL = `${ID}.panelModule.joints`;
export const PROTOCOL = `${ID}.protocol`;

/** Modalities of projection radiographs, as scripts/dicom/reader.py has them. */
export const MODALITIES = ['DX', 'CR', 'MG', 'RG', 'OT'];

/** Viewports, from left to right. */
export const ORIGINAL = 'original';
export const UPPER = 'upper';
export const LOWER = 'lower';
export const VIEWPORTS = [ORIGINAL, UPPER, LOWER];

export const TITLES = {
  [ORIGINAL]: 'Original',
  [UPPER]: 'Upper bone',
  [LOWER]: 'Lower bone',
};

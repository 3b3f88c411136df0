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

// What is written over a pane.

import { ORIGINAL, TITLES } from './constants.js';
import { describe } from './study/displaySets.js';

/** Short, as OHIF cuts longer ones off: the panel says of which joint. */
export function captionOf(displaySet) {
  const { role } = describe(displaySet);
  return role === ORIGINAL
    ? displaySet.SeriesDescription || TITLES[ORIGINAL]
    : (TITLES[role] ?? displaySet?.SeriesDescription ?? '');
}

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

// What goes on in the viewer, and who wants to be told when it changes.

import { sideBySide, sight } from './hangingProtocol.js';
import { marking } from './viewports/markingTool.js';
import { refreshToolbar } from './utils/ohif.js';

/**
 * - busy: the server is at work
 * - corrected: masks over the original differ from the file's
 * - moving: how many joints are just being brought onto the screen
 * - visits: how many studies were left; what comes from the server after that belongs to none on the screen
 */
export const going = { busy: false, corrected: false, moving: 0, visits: 0 };

const listeners = new Set();

export function onChange(listener) {
  listeners.add(listener);
}

export function changed() {
  listeners.forEach(listener => listener());
  refreshToolbar();
}

export function state() {
  return { ...sight, busy: going.busy, corrected: going.corrected, marking: marking(), sideBySide: sideBySide() };
}

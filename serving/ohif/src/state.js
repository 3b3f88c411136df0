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

// The state that the viewer's parts share, and the listeners that are told when it changes.

/**
 * - source: SOP Instance UID of the radiograph that is shown
 * - joint: name of the joint that is shown
 * - busy: the server is separating joints
 * - marking: joints are being marked
 * - masksVisible: masks are drawn over the original
 * - corrected: the masks over the original differ from those in the PACS
 * - loading: number of joints that are being brought onto the screen
 * - visits: number of studies that were left; an answer to a request of an earlier study is not shown
 * - regionMm: side of the region around a click, mm; 0 until the server has answered
 */
export const state = {
  source: undefined,
  joint: undefined,
  busy: false,
  marking: false,
  masksVisible: true,
  corrected: false,
  loading: 0,
  visits: 0,
  regionMm: 0,
};

const listeners = new Set();

/** Call a function after each change of the state. */
export function onChange(listener) {
  listeners.add(listener);
}

/** Tell all listeners that the state has changed. */
export function emitChange() {
  listeners.forEach(listener => listener());
}

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

// Words for what is shown.

/** A joint's name as it is read: "Joint 1" for the server's own names, others as they are. */
export function titleOf(joint) {
  const number = /^joint(\d+)$/.exec(joint);
  return number ? `Joint ${number[1]}` : joint;
}

/** A joint by its name, several by their number. */
export function countOf(joints) {
  return joints.length === 1 ? titleOf(joints[0]) : `${joints.length} joints`;
}

export function overlapIn({ pixels, area }) {
  if (!Number.isFinite(pixels)) {
    return '';
  }
  const count = `${pixels.toLocaleString('en')} px`;
  return Number.isFinite(area) ? `Overlap ${area.toFixed(1)} mm² (${count})` : `Overlap ${count}`;
}

export function masksFrom(masks) {
  return { predicted: 'Masks predicted', given: 'Masks corrected' }[masks] ?? '';
}

/** What the server says, as a sentence; where in a list of joints something stands is for those who wrote the list. */
export function sentence(words) {
  const warning = words.replace(/^joints, row \d+: /, '');
  return warning.charAt(0).toUpperCase() + warning.slice(1) + (/[.!?]$/.test(warning) ? '' : '.');
}

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

// Values as text for the radiologist.

/** Format a joint's name: "Joint 1" for names that the server gives, others as they are. */
export function formatJoint(joint) {
  const number = /^joint(\d+)$/.exec(joint);
  return number ? `Joint ${number[1]}` : joint;
}

/** Format names of joints: a single one by its name, several by their number. */
export function formatCount(joints) {
  return joints.length === 1 ? formatJoint(joints[0]) : `${joints.length} joints`;
}

/** Format the size of an overlap: mm² and what they rest on, where known, and pixels. */
export function formatOverlap({ pixels, area, restsOn }) {
  if (!Number.isFinite(pixels)) {
    return '';
  }
  const count = `${pixels.toLocaleString('en')} px`;
  const figure = Number.isFinite(area) ? `Overlap ${area.toFixed(1)} mm² (${count})` : `Overlap ${count}`;
  return restsOn ? `${figure}, ${restsOn}` : figure;
}

/** Format the origin of masks, `predicted` or `given`. */
export function formatMasks(masks) {
  return { predicted: 'Masks predicted', given: 'Masks corrected' }[masks] ?? '';
}

/** Format a message of the server as a sentence, without the row of the list of joints, which the viewer has written. */
export function formatSentence(message) {
  const text = message.replace(/^joints, row \d+: /, '');
  return text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? '' : '.');
}

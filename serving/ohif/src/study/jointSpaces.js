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

// The widths of joint spaces over the visits of a hand, as the server has measured and stored them.

import { requestJointSpaces } from '../utils/api.js';

/** Series of each radiograph's report, by its SOP Instance UID. */
const reports = new Map();

/** Read the stored reports of radiographs; one that cannot be read counts as none. */
export async function loadJointSpaces(sources) {
  await Promise.all(
    [...new Set(sources)].map(async source => {
      try {
        reports.set(source, (await requestJointSpaces(source)).series);
      } catch (error) {
        console.error(error);
      }
    }),
  );
}

/** Forget all reports, when a study is left. */
export function forgetJointSpaces() {
  reports.clear();
}

/** Keep the series of a joint that was measured, in the place of what was known of it. */
export function keepJointSpace(source, series) {
  reports.set(source, [...(reports.get(source) ?? []).filter(one => one.joint !== series.joint), series]);
}

/** Forget the series of a joint that was left out of the report. */
export function dropJointSpace(source, name) {
  reports.set(
    source,
    (reports.get(source) ?? []).filter(one => one.joint !== name),
  );
}

/** Find the series of a separated joint: the one whose middle lies in the inner third of its region. */
export function findJointSpace({ source, box: [top, left, bottom, right] }) {
  return (reports.get(source) ?? []).find(({ visits }) => {
    const [row, column] = visits.find(({ image }) => image === source)?.centre ?? [];
    return Math.hypot(row - (top + bottom) / 2, column - (left + right) / 2) < (right - left) / 3;
  });
}

/** Return the last change of a series; undefined where there is a single visit. */
export function lastChange({ visits, changes }) {
  const last = visits.length - 1;
  return changes.find(({ first, second }) => first === last - 1 && second === last);
}

/** Format the width at a visit with its uncertainty: "1.62 ± 0.07 mm". */
export function formatWidth({ width, spacing, refused, warnings }) {
  if (!width) {
    return `not measured: ${refused || warnings.join('; ')}`;
  }
  const scale = spacing ?? 1;
  const [mean, range] = [width.mean, 1.96 * width.standard_error].map(px => (px * scale).toFixed(2));
  return `${mean} ± ${range} ${spacing ? 'mm' : 'px'}${width.edited ? ', lines moved by a reader' : ''}`;
}

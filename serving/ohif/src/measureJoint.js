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

// The measurement of a joint space over all visits: asked for, kept, shown in the study, left out.

import { emitChange, state } from './state.js';
import { dropJointSpace, keepJointSpace, lastChange } from './study/jointSpaces.js';
import { loadSeries, markReplaced, removeReplaced } from './study/studyMetadata.js';
import { requestLeavingOut, requestMeasurement, requestMovedLines } from './utils/api.js';
import { formatJoint, formatSentence } from './utils/format.js';
import { getServices, notify } from './utils/ohif.js';
import { showReport } from './viewports/report.js';

/** Measure a separated joint over all visits of its hand. */
export async function measureJoint({ source, joint }) {
  await run(source, 'Measuring the joint space over all visits…', async () => {
    const answer = await requestMeasurement(source, joint);
    const [series] = answer.series;
    keepJointSpace(source, series);
    const change = lastChange(series);
    notify('success', `${formatJoint(series.joint)}: ${change ? change.in_words : 'no earlier visit of this hand'}.`);
    answer.notes.forEach(note => notify('warning', formatSentence(note), { duration: 10000 }));
    return answer;
  });
}

/** Measure a joint anew with lines that were moved; return its series, undefined where that fails. */
export async function moveLines(source, name, lines) {
  let series;
  await run(source, 'Measuring with the lines as they are…', async () => {
    const answer = await requestMovedLines(source, name, lines);
    [series] = answer.series;
    keepJointSpace(source, series);
    return answer;
  });
  return series;
}

/** Leave a joint out of the report. */
export async function leaveOut(source, name) {
  await run(source, `Taking ${formatJoint(name)} out of the report…`, async () => {
    const answer = await requestLeavingOut(source, name);
    dropJointSpace(source, name);
    return answer;
  });
}

/** Ask the server, and bring the report that it has stored into the study; notify the radiologist where that fails. */
async function run(source, words, ask) {
  const { visits } = state;
  state.busy = true;
  emitChange();
  const progress = notify('loading', words, { autoClose: false });
  try {
    const answer = await ask();
    if (visits === state.visits) {
      await updateStudy(source, answer);
    }
  } catch (error) {
    console.error(error);
    notify('error', formatSentence(error.message || 'the joint space could not be measured'), { duration: 10000 });
  } finally {
    getServices().uiNotificationService.hide(progress);
    state.busy = false;
    emitChange();
  }
}

/** Add the report to the study, and take out the one that it replaces. */
async function updateStudy(source, { study_instance_uid: study, report, replaced }) {
  markReplaced(replaced.filter(uid => uid !== report?.sop_instance_uid));
  // Before the new one comes: OHIF would add it to the display set that goes.
  removeReplaced();
  if (report) {
    await loadSeries(study, [report.series_instance_uid], [report.sop_instance_uid]);
  }
  await showReport(source);
}

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

// The stored report as measurements of OHIF: the line of the smallest width of each joint, over the radiograph.

import { findReport } from '../study/displaySets.js';
import { getLibraries, getServices, runCommand } from '../utils/ohif.js';

/** Measurements that come from a report; they are not the radiologist's, and leave with their report. */
const shown = new Set();

/** SOP Instance UID of the report whose measurements are shown. */
let shownReport;

/** The last call of {@link showReport}. */
let lastShow = Promise.resolve();

/** Show the report of a radiograph as measurements, in the place of the one that was shown before. */
export function showReport(source) {
  lastShow = lastShow.then(() => replaceReport(source && findReport(source))).catch(console.error);
  return lastShow;
}

async function replaceReport(report) {
  if (report?.SOPInstanceUID === shownReport) {
    return;
  }
  const { measurementService } = getServices();
  [...shown].forEach(uid => measurementService.remove(uid));
  forgetReport();
  if (!report) {
    return;
  }
  await report.load();
  if (!report.isRehydratable) {
    return;
  }
  const before = new Set(measurementService.getMeasurements().map(({ uid }) => uid));
  runCommand('hydrateStructuredReport', { displaySetInstanceUID: report.displaySetInstanceUID });
  const { locking } = getLibraries().cornerstoneTools.annotation;
  for (const { uid } of measurementService.getMeasurements().filter(one => !before.has(one.uid))) {
    shown.add(uid);
    shownReport = report.SOPInstanceUID;
    // Moved here, they would not be measured anew.
    locking.setAnnotationLocked(uid, true);
  }
}

/** Forget what was shown, when a study is left. */
export function forgetReport() {
  shown.clear();
  shownReport = undefined;
}

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

// Side, view, date and patient of an image as its header tells them, and the order in which radiographs are listed.

const SIDES = { R: 'right', L: 'left', B: 'both hands' };
const SIDE_CODES = { 24028007: 'R', 7771000: 'L' };
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** Views of a hand: name, and what View Position, View Code Sequence or a description hold for it. */
const VIEWS = [
  ['PA', /^(PA|DP|DV)$|\b(PA|DP|DV|dorso-?(palmar|volar)|postero-?anterior)\b/i],
  ['AP', /^(AP|PD|VD)$|\b(AP|PD|VD|(palmo|volo)-?dorsal|antero-?posterior)\b/i],
  ['oblique', /^([RL]?[AP]O|[RL]LO)$|\b(obl|oblique|n[oø]rgaard|ball-?catcher'?s?|semisupin\w*|zither)\b/i],
  ['lateral', /^([RL]L|[RL]LD|LAT)$|\b(lat|lateral)\b/i],
];

/** Return a value, or the first of several, as text. */
export function firstText(value) {
  const first = Array.isArray(value) ? value[0] : value;
  return String(first?.Alphabetic ?? first ?? '').trim();
}

/** Return R, L, B (both), or '' where no attribute tells the side. */
function sideOf(instance) {
  const modifiers = [instance.AnatomicRegionSequence]
    .flat()
    .flatMap(item => [item?.AnatomicRegionModifierSequence].flat());
  const stated = [
    firstText(instance.ImageLaterality),
    firstText(instance.Laterality),
    firstText(instance.FrameLaterality),
    ...modifiers.map(item => SIDE_CODES[firstText(item?.CodeValue)] ?? ''),
  ];
  return stated.map(side => side.toUpperCase()).find(side => side in SIDES) ?? '';
}

/** Return the name of the view, or '' where nothing tells it. */
function viewOf(instance) {
  const [code] = [instance.ViewCodeSequence].flat();
  const stated = [instance.ViewPosition, code?.CodeMeaning, instance.SeriesDescription, instance.ProtocolName];
  for (const text of stated.map(firstText)) {
    const known = text && VIEWS.find(([, pattern]) => pattern.test(text));
    if (known) {
      return known[0];
    }
  }
  return firstText(instance.ViewPosition);
}

/** Format a date of DICOM, YYYYMMDD, as OHIF does: 10-Mar-2026; '' for none. */
export function formatDate(date) {
  const [, year, month, day] = /^(\d{4})(\d{2})(\d{2})$/.exec(date) ?? [];
  return MONTHS[month - 1] ? `${day}-${MONTHS[month - 1]}-${year}` : '';
}

/**
 * Describe what an image shows: {side, view, taken, number, uid}.
 *
 * side is R, L, B or '', view a name or '', taken the date and time of the study as DICOM writes them.
 */
function describeView(instance) {
  return {
    side: sideOf(instance),
    view: viewOf(instance),
    taken: firstText(instance.StudyDate) + firstText(instance.StudyTime),
    number: Number(firstText(instance.InstanceNumber)) || 0,
    uid: firstText(instance.SOPInstanceUID),
  };
}

/** Format side, view and date of an image: "Right PA, 10-Mar-2026". */
export function formatView(instance) {
  const { side, view, taken } = describeView(instance);
  const words = [[SIDES[side], view].filter(Boolean).join(' '), formatDate(taken.slice(0, 8))]
    .filter(Boolean)
    .join(', ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** Format name and number of the patient: "Phantom, Hand 000 (PHANTOM-000)". */
export function formatPatient(instance) {
  const name = firstText(instance.PatientName).split('^').filter(Boolean).join(', ');
  const number = firstText(instance.PatientID);
  return name && number ? `${name} (${number})` : name || number;
}

/** Return the letter of the side, as a marker on the film: R, L, or ''. */
export function markerOf(instance) {
  const side = sideOf(instance);
  return side === 'B' ? '' : side;
}

/** Compare two images for sorting: newest study first; PA, AP, oblique, lateral, others; right before left. */
export function compareViews(one, other) {
  const [first, second] = [describeView(one), describeView(other)];
  // What is not found, -1, becomes the largest number.
  const view = described => VIEWS.findIndex(([name]) => name === described.view) >>> 0;
  const side = described => Object.keys(SIDES).indexOf(described.side) >>> 0;
  return (
    second.taken.localeCompare(first.taken) ||
    view(first) - view(second) ||
    side(first) - side(second) ||
    first.number - second.number ||
    first.uid.localeCompare(second.uid)
  );
}

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

// A small plot of a joint's width over its visits, with its uncertainty.

import { formatWidth } from './study/jointSpaces.js';
import { formatDate } from './study/views.js';
import { createShape } from './utils/dom.js';

const [WIDTH, HEIGHT] = [232, 78];
const MARGIN = { left: 30, right: 8, top: 8, bottom: 18 };
const SURE = 1.96;
const RADIUS = 3.5;

/** Return the days of a date of DICOM, or the number of the visit where it has none. */
function timeOf({ date }, number) {
  const [, year, month, day] = /^(\d{4})(\d{2})(\d{2})$/.exec(date) ?? [];
  return year ? Date.UTC(year, month - 1, day) / 86400000 : number;
}

/** Return a function that maps a range to another one; a range of no length to the middle. */
function createScale([low, high], [start, end]) {
  return value => (high > low ? start + ((value - low) / (high - low)) * (end - start) : (start + end) / 2);
}

/** Create the plot of a series of visits; undefined where no width is known. */
export function createPlot({ visits }) {
  const points = visits
    .map((visit, number) => ({ visit, time: timeOf(visit, number) }))
    .filter(({ visit }) => visit.width)
    .map(({ visit, time }) => {
      const scale = visit.spacing ?? 1;
      return { visit, time, value: visit.width.mean * scale, range: SURE * visit.width.standard_error * scale };
    });
  if (!points.length) {
    return undefined;
  }
  const lows = points.map(({ value, range }) => value - range);
  const highs = points.map(({ value, range }) => value + range);
  const [low, high] = [Math.min(...lows), Math.max(...highs)];
  const times = points.map(({ time }) => time);
  const x = createScale([Math.min(...times), Math.max(...times)], [MARGIN.left + 8, WIDTH - MARGIN.right - 8]);
  const y = createScale([low, high], [HEIGHT - MARGIN.bottom, MARGIN.top]);
  const line = points.map(({ time, value }) => `${x(time)},${y(value)}`).join(' ');
  const [first, last] = [points[0], points[points.length - 1]];
  const unit = first.visit.spacing ? 'mm' : 'px';
  return createShape(
    'svg',
    {
      class: 'bls-gan-plot',
      viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
      role: 'img',
      'aria-label': `Joint space width at ${points.length} visits`,
      'data-cy': 'bls-gan-plot',
    },
    createShape('text', { x: 0, y: y(high) + 8 }, high.toFixed(1)),
    createShape('text', { x: 0, y: y(low) }, low.toFixed(1)),
    createShape('text', { x: 0, y: (y(low) + y(high)) / 2 + 4 }, unit),
    createShape('path', {
      class: 'bls-gan-axis',
      d: `M${MARGIN.left} ${MARGIN.top}V${HEIGHT - MARGIN.bottom}H${WIDTH - MARGIN.right}`,
    }),
    createShape('polyline', { class: 'bls-gan-curve', points: line }),
    ...points.flatMap(point => createPoint(point, x(point.time), y)),
    createShape('text', { x: MARGIN.left, y: HEIGHT - 4 }, formatDate(first.visit.date)),
    first === last
      ? undefined
      : createShape(
          'text',
          { x: WIDTH - MARGIN.right, y: HEIGHT - 4, 'text-anchor': 'end' },
          formatDate(last.visit.date),
        ),
  );
}

/** Create a visit's point, hollow where a reader has moved its lines, and the range that holds the truth. */
function createPoint({ visit, value, range }, x, y) {
  const words = [formatDate(visit.date), formatWidth(visit)].filter(Boolean).join(': ');
  return [
    createShape('path', { class: 'bls-gan-range', d: `M${x} ${y(value - range)}V${y(value + range)}` }),
    createShape(
      'circle',
      { class: visit.width.edited ? 'bls-gan-edited' : 'bls-gan-dot', cx: x, cy: y(value), r: RADIUS },
      createShape('title', {}, words),
    ),
  ];
}

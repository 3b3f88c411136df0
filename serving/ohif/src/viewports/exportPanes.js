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

// A picture of the panes as they are on the screen, with captions, for a talk or a report.

import { TITLES, VIEWPORTS } from '../constants.js';
import { describePane, findRadiograph } from '../study/displaySets.js';
import { formatView, markerOf } from '../study/views.js';
import { formatJoint } from '../utils/format.js';
import { getViewport } from '../utils/ohif.js';

const MARGIN = 12;
const LINE = 20;
const NOTICE = 'BLS-GAN: computed layers. Research use, not a medical device.';

/** Return the panes that show something of a radiograph: {id, role, joint, source, canvas}. */
function listPanes() {
  return VIEWPORTS.map(id => ({ id, ...describePane(id), canvas: getViewport(id)?.canvas })).filter(
    ({ canvas, source }) => canvas && source,
  );
}

/** Draw the panes side by side, their titles above, what they show below; no name of a patient. */
function drawPanes(panes, title) {
  const width = panes.reduce((sum, { canvas }) => sum + canvas.width, MARGIN * (panes.length + 1));
  const height = Math.max(...panes.map(({ canvas }) => canvas.height));
  const picture = Object.assign(document.createElement('canvas'), { width, height: height + 2 * LINE + 2 * MARGIN });
  const context = picture.getContext('2d');
  const write = (text, x, y, align = 'left') => {
    Object.assign(context, { fillStyle: '#fff', font: '14px sans-serif', textAlign: align, textBaseline: 'middle' });
    context.fillText(text, x, y);
  };
  context.fillRect(0, 0, picture.width, picture.height);
  let left = MARGIN;
  for (const { canvas, role, source } of panes) {
    context.drawImage(canvas, left, MARGIN + LINE);
    write(TITLES[role] ?? '', left, MARGIN + LINE / 2);
    write(
      markerOf(findRadiograph(source)?.displaySet.instances[0] ?? {}),
      left + canvas.width,
      MARGIN + LINE / 2,
      'right',
    );
    left += canvas.width + MARGIN;
  }
  const below = picture.height - MARGIN - LINE / 2;
  write(title, MARGIN, below);
  write(NOTICE, width - MARGIN, below, 'right');
  return picture;
}

/** Save the panes as a PNG, named by joint, side, view and date. */
export function exportPanes() {
  const panes = listPanes();
  if (!panes.length) {
    return;
  }
  const [{ source }] = panes;
  const { joint } = panes.find(pane => pane.joint) ?? {};
  const view = formatView(findRadiograph(source)?.displaySet.instances[0] ?? {});
  const title = [joint && formatJoint(joint), view].filter(Boolean).join(', ');
  const link = document.createElement('a');
  link.href = drawPanes(panes, title).toDataURL('image/png');
  link.download = `${title.replace(/[^A-Za-z0-9-]+/g, '_') || 'panes'}.png`;
  link.click();
}

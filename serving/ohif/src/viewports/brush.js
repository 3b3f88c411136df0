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

// Brush and eraser in a size for finger joints; OHIF's own are 5 cm wide.

import { runCommand, getServices } from '../utils/ohif.js';

/** Radius, mm, as OHIF describes an option of a tool. */
export const BRUSH_MM = { min: 0.2, max: 8, step: 0.1, value: 0.8 };

/** Set radius and limits of brush and eraser. */
export function configureBrush() {
  const tools = getServices().toolGroupService.getToolGroup('default');
  for (const name of ['CircularBrush', 'CircularEraser']) {
    tools?.setToolConfiguration(name, { minRadius: BRUSH_MM.min, maxRadius: BRUSH_MM.max });
  }
  runCommand('setBrushSize', { value: BRUSH_MM.value });
}

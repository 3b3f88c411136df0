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

// What is asked of the server, and its answer or the sentence that says why there is none.

import { services } from './ohif.js';

const TARGET = '/infer/bls_gan';

/**
 * Separate joints of a radiograph.
 *
 * @param source SOP Instance UID of the radiograph
 * @param joints [{x, y}] or [{left, top, right, bottom}], px from the upper left, with `joint` where it has a name
 * @param labels Uint8Array over the whole radiograph, row by row: masks to be used instead of predicted ones
 */
export async function separate(source, joints, labels) {
  const form = new FormData();
  form.append('params', JSON.stringify({ joints }));
  if (labels) {
    form.append('label', await gzip(labels), 'label.bin.gz');
  }
  const query = new URLSearchParams({ image: source, output: 'json' });
  let response;
  try {
    // Who has logged in at OHIF asks as himself.
    const headers = services().userAuthenticationService?.getAuthorizationHeader() ?? {};
    response = await fetch(`${TARGET}?${query}`, { method: 'POST', body: form, headers });
  } catch {
    throw new Error('The server cannot be reached. Try again, or ask who looks after it.');
  }
  if (!response.ok) {
    throw new Error(await sentence(response));
  }
  return response.json();
}

async function sentence(response) {
  try {
    const { detail } = await response.json();
    if (typeof detail === 'string' && detail) {
      return detail;
    }
  } catch {
    // No JSON: a proxy in between has answered.
  }
  return `The server could not separate the joint (error ${response.status}).`;
}

function gzip(bytes) {
  return new Response(new Blob([bytes]).stream().pipeThrough(new CompressionStream('gzip'))).blob();
}

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

// Requests to the server of this bundle.

import { getServices } from './ohif.js';

/** Return what the server says of itself; its `region_mm` is the side of the region around a click, mm. */
export async function requestInfo() {
  return (await request('/info/')).json();
}

/**
 * Separate joints of a radiograph; return the server's answer, or throw an error whose message is a sentence.
 *
 * @param source SOP Instance UID of the radiograph
 * @param joints [{x, y}] or [{left, top, right, bottom}], px from the upper left, with `joint` where it has a name
 * @param labels Uint8Array over the whole radiograph, row by row: masks to be used instead of predicted ones
 */
export async function requestSeparation(source, joints, labels) {
  const form = new FormData();
  form.append('params', JSON.stringify({ joints }));
  if (labels) {
    form.append('label', await gzip(labels), 'label.bin.gz');
  }
  const query = new URLSearchParams({ image: source, output: 'json' });
  return requestJson(`/infer/bls_gan?${query}`, { method: 'POST', body: form });
}

/**
 * Find the joints of a radiograph; nothing is separated.
 *
 * @return {joints: [{joint, x, y, angle, side, confidence}], confident, notes}; no joints where no hand was found
 */
export function requestJoints(source) {
  return requestJson(`/proposals?${new URLSearchParams({ image: source })}`);
}

/** Take the results of a joint of a radiograph out of the PACS; return the server's answer. */
export function requestRemoval(source, joint) {
  return requestJson(`/results?${new URLSearchParams({ image: source, joint })}`, {
    method: 'DELETE',
    keepalive: true,
  });
}

const MEASUREMENTS = '/measurements';

/** Return the joints of a radiograph's stored report: {series, report}. */
export function requestJointSpaces(source) {
  return requestJson(`${MEASUREMENTS}?${new URLSearchParams({ image: source })}`);
}

/** Measure a separated joint over all visits of its hand; return the server's answer. */
export function requestMeasurement(source, joint) {
  return requestJson(`${MEASUREMENTS}?${new URLSearchParams({ image: source })}`, createJson('POST', { joint }));
}

/**
 * Measure a joint of the report anew with lines that were moved.
 *
 * @param lines SOP Instance UID of a visit's radiograph -> [[row, column], [row, column]]
 */
export function requestMovedLines(source, joint, lines) {
  return requestJson(`${MEASUREMENTS}?${new URLSearchParams({ image: source, joint })}`, createJson('PUT', { lines }));
}

/** Take a joint out of the report of a radiograph. */
export function requestLeavingOut(source, joint) {
  return requestJson(`${MEASUREMENTS}?${new URLSearchParams({ image: source, joint })}`, { method: 'DELETE' });
}

/** Return pictures and lines of two visits of a joint, aligned on the metacarpal. */
export function requestPictures(source, joint, first, second) {
  return requestJson(`${MEASUREMENTS}/pictures?${new URLSearchParams({ image: source, joint, first, second })}`);
}

/** Return the options of a request whose body is JSON. */
function createJson(method, body) {
  return { method, headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) };
}

/** Send a request and return the JSON of its answer, or throw an error whose message is a sentence. */
async function requestJson(path, options) {
  let response;
  try {
    response = await request(path, options);
  } catch {
    throw new Error('The server cannot be reached. Try again, or ask the administrator.');
  }
  if (!response.ok) {
    throw new Error(await readError(response));
  }
  return response.json();
}

/** Send a request as the user who has logged in at OHIF. */
function request(path, options) {
  const login = getServices().userAuthenticationService?.getAuthorizationHeader() ?? {};
  return fetch(path, { ...options, headers: { ...options?.headers, ...login } });
}

/** Return the sentence with which the server has refused a request. */
async function readError(response) {
  try {
    const { detail } = await response.json();
    if (typeof detail === 'string' && detail) {
      return detail;
    }
  } catch {
    // A proxy between viewer and server has answered, not in JSON.
  }
  return `The server could not do it (error ${response.status}).`;
}

function gzip(bytes) {
  return new Response(new Blob([bytes]).stream().pipeThrough(new CompressionStream('gzip'))).blob();
}

# Copyright 2026 The BLS-GAN bundle contributors
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""Headers that tell a browser what a page of this server may load, and who may show it in a frame."""

import re
from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit

_SCRIPT = re.compile(rb"<script>(.*?)</script>", re.DOTALL)


def security_headers(page: Path, realm: str = "") -> dict[str, str]:
    """Return the headers of every answer.

    OHIF compiles WebAssembly, starts workers from blobs, writes styles into its pages. Its decoders (emscripten) and
    its reader of segmentations (ndarray) make functions from text: without ``unsafe-eval`` no image is shown.

    Args:
        page: the viewer's HTML; its own inline scripts are allowed, by their checksums.
        realm: address of the login service, to which the viewer goes, if there is one.

    Source:
        Content Security Policy Level 3, W3C.
    """
    login = f" {urlsplit(realm).scheme}://{urlsplit(realm).netloc}" if realm else ""
    policy = {
        "default-src": "'self'",
        "script-src": " ".join(("'self'", "'wasm-unsafe-eval'", "'unsafe-eval'", *_checksums(page))),
        "worker-src": "'self' blob:",
        "style-src": "'self' 'unsafe-inline'",
        "img-src": "'self' data: blob:",
        "font-src": "'self' data:",
        "connect-src": f"'self' data: blob:{login}",
        "frame-src": f"'self'{login}",
        "object-src": "'none'",
        "base-uri": "'self'",
        "form-action": f"'self'{login}",
        "frame-ancestors": "'self'",
    }
    return {
        "content-security-policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        "x-content-type-options": "nosniff",
        "x-frame-options": "SAMEORIGIN",
        "referrer-policy": "same-origin",
    }


def _checksums(page: Path) -> Iterator[str]:
    """Yield the checksums of the inline scripts of a page."""
    for script in _SCRIPT.findall(page.read_bytes() if page.is_file() else b""):
        yield f"'sha256-{b64encode(sha256(script).digest()).decode()}'"

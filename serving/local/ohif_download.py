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

"""Download of the viewer, OHIF, from the npm registry: once, and checked by its checksum."""

import base64
import hashlib
import logging
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

from filelock import FileLock

from scripts.errors import InputError

logger = logging.getLogger(__name__)

PACKAGE = "@ohif/app@3.13.2"
VERSION = PACKAGE.rsplit("@", 1)[-1]
INTEGRITY = "sha512-WZdxmpmG7rqFgW9ZJLcbgr3XCtLi1KDNPoMaeY5PPe6j4G4fjEjjkycZM6C6Zk2F87BKxFfpq+jd5xXZB9E8EA=="
"""Checksum of the package's archive, as the registry states it."""


def viewer(folder: Path) -> Path:
    """Return the folder of the viewer's static files, which are fetched if they are missing.

    Args:
        folder: parent folder of all versions, created if it is missing.

    Returns:
        The folder with ``index.html``.

    Raises:
        InputError: npm is not installed, or cannot fetch the package, or the package has another checksum.
    """
    dist = folder / VERSION / "dist"
    if (dist / "index.html").is_file():
        return dist
    if shutil.which("npm") is None:
        raise InputError("npm, which fetches the viewer, is missing: apt-get install --yes npm")
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_name(f"{folder.name}.lock")):
        # Another process may have fetched it meanwhile.
        if not (dist / "index.html").is_file():
            _fetch(folder, dist)
    return dist


def _fetch(folder: Path, dist: Path) -> None:
    """Fetch the package and put its files in place."""
    logger.info("fetching the viewer %s (50 MB, once)", PACKAGE)
    with tempfile.TemporaryDirectory(dir=folder) as partial:
        fetched = subprocess.run(
            ["npm", "pack", "--silent", PACKAGE], cwd=partial, capture_output=True, text=True, check=False
        )
        archives = list(Path(partial).glob("*.tgz"))
        if fetched.returncode or len(archives) != 1:
            raise InputError(f"npm cannot fetch {PACKAGE}: {fetched.stderr.strip()[-200:] or 'no reason given'}")
        digest = "sha512-" + base64.b64encode(hashlib.sha512(archives[0].read_bytes()).digest()).decode()
        if digest != INTEGRITY:
            raise InputError(f"{PACKAGE}: expected checksum {INTEGRITY}, got {digest}")
        with tarfile.open(archives[0]) as archive:
            archive.extractall(partial, filter="data")
        dist.parent.mkdir(exist_ok=True)
        (Path(partial) / "package" / "dist").rename(dist)

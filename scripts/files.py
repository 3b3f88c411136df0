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

"""Atomic writes of files and folders, and checksums."""

import glob
import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from scripts.errors import InputError


def write_durably(path: Path, content: bytes) -> None:
    """Write a file in the place of a former one, down to the disk; at every moment one of both is there.

    Raises:
        OSError: it cannot be written; the former one stays.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        partial.write_bytes(content)
        replace_durably(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def replace_durably(source: Path, target: Path) -> None:
    """Move a file onto a former one, on the same file system, once all of it is on the disk.

    Args:
        source: the new file.
        target: the former file, if there is one.
    """
    with source.open("rb") as file:
        os.fsync(file.fileno())
    os.replace(source, target)


def prepare_output(output_dir: str | Path) -> None:
    """Make the output folder and try it.

    Raises:
        InputError: nothing can be written there, with the system's reason.
    """
    folder = Path(output_dir)
    trial = folder / f".{os.getpid()}.partial"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        trial.touch()
        trial.unlink()
    except OSError as error:
        raise InputError(f"output_dir {folder}: cannot be written to ({error.strerror})") from error


def file_sha256(path: str | Path | None) -> str | None:
    """Return the SHA-256 of a file, hexadecimal; None of None."""
    return None if path is None else hashlib.sha256(Path(path).read_bytes()).hexdigest()


def whole_or_nothing(folder: Path, write: Callable[[Path], None]) -> None:
    """Let ``write`` fill a hidden folder beside ``folder``, then put it in its place.

    Args:
        folder: where the results shall stand; what stands there is replaced.
        write: called with the hidden folder, which is removed if it fails.
    """
    partial = folder.with_name(f".{folder.name}.{os.getpid()}.partial")
    replaced = folder.with_name(f".{folder.name}.{os.getpid()}.replaced.partial")
    # A run that was killed may have left its own.
    for left in folder.parent.glob(f".{glob.escape(folder.name)}.*.partial"):
        shutil.rmtree(left, ignore_errors=True)
    try:
        partial.mkdir(parents=True)
        write(partial)
        if folder.exists():
            os.replace(folder, replaced)
        os.replace(partial, folder)
    finally:
        if replaced.exists() and not folder.exists():
            os.replace(replaced, folder)
        for leftover in (partial, replaced):
            shutil.rmtree(leftover, ignore_errors=True)

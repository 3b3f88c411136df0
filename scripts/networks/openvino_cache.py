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

"""The file that keeps converted networks, so that a network is converted once for its weights."""

import hashlib
import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from torch import nn

from scripts.files import write_durably
from scripts.networks.openvino_unet import core, import_openvino

KEY = "key.txt"
"""Member that says of which weights and which OpenVINO the networks are."""


def key_of(parts: Mapping[str, nn.Module]) -> str:
    """Return what converted networks depend on: the SHA-256 of all weights, and the version of OpenVINO."""
    digest = hashlib.sha256()
    for name, part in parts.items():
        for each, value in part.state_dict().items():
            digest.update(f"{name}.{each} {tuple(value.shape)}".encode())
            digest.update(value.cpu().contiguous().numpy().tobytes())
    return f"{digest.hexdigest()} openvino {import_openvino().get_version()}"


def read(path: Path, key: str) -> dict[str, Any]:
    """Read the converted networks of a cache file.

    Raises:
        OSError: there is no such file.
        ValueError: it is of other weights or of another OpenVINO, or it is damaged.
    """
    try:
        with zipfile.ZipFile(path) as archive:  # which checks the sum of each member
            if archive.read(KEY).decode() != key:
                raise ValueError("of other weights or another version")
            names = [name.removesuffix(".xml") for name in archive.namelist() if name.endswith(".xml")]
            return {name: core().read_model(archive.read(f"{name}.xml"), archive.read(f"{name}.bin")) for name in names}
    except (KeyError, zipfile.BadZipFile, zipfile.LargeZipFile, RuntimeError, NotImplementedError) as error:
        raise ValueError(f"damaged ({type(error).__name__})") from error


def write(path: Path, models: Mapping[str, Any], key: str) -> None:
    """Write converted networks into one file, whole or not at all.

    Raises:
        OSError: it cannot be written.
    """
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr(KEY, key)
        for name, model in models.items():
            with TemporaryDirectory() as folder:
                import_openvino().save_model(model, Path(folder) / "model.xml", compress_to_fp16=False)
                for suffix in (".xml", ".bin"):
                    archive.write(Path(folder) / f"model{suffix}", f"{name}{suffix}")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_durably(path, content.getvalue())

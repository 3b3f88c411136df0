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

"""Writing the results of a radiograph: DICOM objects, sheets and figures."""

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from pydicom import Dataset

from scripts.dicom.layer_image import LAYER_NAMES
from scripts.dicom.provenance import Software
from scripts.dicom.reader import Radiograph
from scripts.files import whole_or_nothing
from scripts.inference.joint_sheet import sheet
from scripts.inference.pipeline import SeparatedRadiograph
from scripts.inference.read_images import RadiographJoints
from scripts.networks.backend import PRECISIONS

FIGURES = "figures.json"


def fingerprint(asked: RadiographJoints, software: Software, kind: str, backend: str = "auto") -> str:
    """Return a hash of all that the results of a radiograph depend on: file, joints, masks, kind, version, weights.

    Backends that compute in float32 give the same results, to a level; one that does not is told apart.
    """
    labels = asked.labels
    parts: list[Any] = [
        asked.radiograph.sha256,
        software.version,
        software.weights_sha256,
        kind,
        [(joint.name, joint.box, joint.angle) for joint in asked.joints],
        None if labels is None else hashlib.sha256(labels.tobytes()).hexdigest(),
    ]
    if PRECISIONS.get(backend, "f32") != "f32":
        parts.append(backend)
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def read_fingerprint(folder: Path) -> str | None:
    """Return the fingerprint of the results that a folder holds; None if it holds none."""
    try:
        found = json.loads((folder / FIGURES).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found.get("fingerprint") if isinstance(found, dict) else None


def write_radiograph(
    separated: SeparatedRadiograph,
    folder: Path,
    *,
    name: str,
    software: Software,
    fingerprint: str,
    store: Callable[[Sequence[Dataset]], None] | None = None,
) -> list[Path]:
    """Write the results of one radiograph into a folder, all of them or none.

    ``JOINT_upper.dcm``, ``JOINT_lower.dcm`` and ``JOINT_sheet.png`` for each joint, ``segmentation.dcm`` over the whole
    radiograph, and ``figures.json``. The folder appears when all of it is written, and replaces that of an earlier run.
    The same input gives the same bytes.

    Args:
        separated: the results, those of all joints.
        folder: of these results.
        name: of the results, for the sheets.
        software: version and weights, for the figures.
        fingerprint: see :func:`fingerprint`.
        store: called with all objects before the folder appears; if it raises, no folder does.

    Returns:
        Paths of the sheets.
    """
    radiograph, objects = separated.radiograph, separated.objects
    record = {
        **source_record(radiograph, separated.file),
        "version": software.version,
        "weights_sha256": software.weights_sha256,
        "joints": [region.record for region in separated.regions.values()],
        "fingerprint": fingerprint,
    }

    def write(partial: Path) -> None:
        for joint, layers in objects.layers.items():
            for bone, layer in layers.items():
                layer.save_as(partial / f"{joint}_{LAYER_NAMES[bone].lower()}.dcm", enforce_file_format=True)
        objects.segmentation.save_as(partial / "segmentation.dcm", enforce_file_format=True)
        for joint, region in separated.regions.items():
            page = sheet(region, f"{name} {joint}", software.version)
            page.save(partial / f"{joint}_sheet.png", compress_level=1)
        (partial / FIGURES).write_text(json.dumps(record, indent=4) + "\n", encoding="utf-8")
        if store:
            store(objects.all)

    whole_or_nothing(folder, write)
    return [folder / f"{joint}_sheet.png" for joint in separated.regions]


def source_record(radiograph: Radiograph, file: str) -> dict[str, Any]:
    """Return what the results say of a radiograph; nothing of the patient."""
    return {
        "source": file,
        "source_sop_instance_uid": str(radiograph.dataset.SOPInstanceUID),
        "source_sha256": radiograph.sha256,
        "spacing_mm": list(radiograph.spacing),
        "spacing_from": radiograph.spacing_from or "assumed",
        "mm": radiograph.pixel_spacing.rests_on,
        "gray_scale": {
            "black": radiograph.grayscale.black,
            "white": radiograph.grayscale.white,
            "inverted": radiograph.grayscale.inverted,
            "from": radiograph.grayscale.origin,
        },
        "notes": list(radiograph.notes),
    }

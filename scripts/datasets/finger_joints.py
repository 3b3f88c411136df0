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

"""Finger joints of the authors' release (folder or zip): MONAI datalists and the transforms that read them."""

import json
import re
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.transforms import MapTransform, distance_transform_edt
from PIL import Image
from scipy.ndimage import gaussian_filter
from torch import Tensor

from scripts.physics import LOWER, UPPER

BROKEN_MASKS = frozenset(
    {
        "00307_R_5/476899d53a4a491dbfba6d2853cc01eb",
        "00086_R_11/a7381016dc7540d29eae490ea394eeb2",
        "00314_R_13/92dd05f5eb3f4148ade9d0eab7d0aa7d",
        "00111_L_5/cba8064928334801be004988878cf893",
        "00145_L_8/f837fa8b14604ee2af3b1f1332913d06",
        "00015_L_5/9b7a5a72eec44fb2b38988049b3cb8f3",
        "00132_L_5/d0b8968c96c94f3099fb50b4c12e9eef",
    }
)
"""Images left out: the upper bone's mask is painted over the lower bone (overlaps of 15,000 px and more)."""

SPLITS = ("train", "validation", "test")
OVERLAPS = ("all", "overlap", "nonoverlap")


def open_release(dataset_dir: str | Path) -> Path | zipfile.Path:
    """Find the folder that holds the release's lists, in a folder or in a zip.

    Args:
        dataset_dir: the release's zip, or a folder that is, or holds, its ``Data`` folder or that zip.

    Raises:
        FileNotFoundError: there is no release.
    """
    start = Path(dataset_dir)
    zips = [path for path in (start, *sorted(start.glob("*release*.zip"))) if zipfile.is_zipfile(path)]
    roots: list[Path | zipfile.Path] = [start, start / "Data"]
    roots += [zipfile.Path(archive, at) for archive in zips for at in ("", "Data/")]
    for root in roots:
        if (root / "LS_K1_all_train").is_file():
            return root
    raise FileNotFoundError(f"{dataset_dir}: expected LS_K1_all_train, Data/ or a release zip, found none of them")


def in_validation(case: str, fraction: float) -> bool:
    """Return whether a case of the training split is held out for validation; its name alone decides."""
    return zlib.crc32(case.encode()) % 1000 < 1000 * fraction


def case_fields(case: str) -> dict[str, Any]:
    """Return ``case``, ``hand`` and ``joint`` of a name ``NUMBER_HAND_JOINT``; of other names both are None."""
    found = re.fullmatch(r".*_([LR])_(\d+)", case)
    return {"case": case, "hand": found and found[1], "joint": found and int(found[2])}


def release_datalist(
    dataset_dir: str | Path, *, split: str, overlap: str = "all", validation_fraction: float = 0.12
) -> list[dict[str, Any]]:
    """List the images of the release's K1 split, one dictionary each.

    Args:
        dataset_dir: see :func:`open_release`.
        split: ``train``, ``validation`` (cases held out of the published training split) or ``test``.
        overlap: ``all``, or only joints whose drawn masks share 20 px and more (``overlap``), or less (``nonoverlap``).
        validation_fraction: share of the training cases that is held out. All visits of a case go the same way.

    Returns:
        ``image``, ``lower``, ``upper``, ``background``: paths inside the release; ``name``, ``case``, ``hand``
        (``L`` or ``R``), ``joint`` (2, 5, 8, 11, 13: little finger to thumb).

    Raises:
        FileNotFoundError: there is no release.
        ValueError: an unknown split or overlap.
    """
    if split not in SPLITS:
        raise ValueError(f"split: expected one of {', '.join(SPLITS)}, got {split!r}")
    if overlap not in OVERLAPS:
        raise ValueError(f"overlap: expected one of {', '.join(OVERLAPS)}, got {overlap!r}")
    root = open_release(dataset_dir)
    published = "test" if split == "test" else "train"
    datalist = []
    for entry in json.loads((root / f"LS_K1_{overlap}_{published}").read_text()):
        image = Path(entry["image"])
        name, case = f"{image.parent.name}/{image.stem}", image.parent.name
        if name in BROKEN_MASKS:
            continue
        if published == "train" and in_validation(case, validation_fraction) != (split == "validation"):
            continue
        files = {key: root / entry[key] for key in ("image", "lower", "upper", "background")}
        datalist.append({**files, "name": name, **case_fields(case)})
    return datalist


class LoadJointd(MapTransform):
    """Loader of one joint of the release: ``image`` (1, H, W), 0..1, ``masks`` (2, H, W), 0 or 1, ``background``.

    Rows come first.

    Args:
        keys: which of ``image`` and ``background`` to read.
    """

    def __init__(self, keys: Sequence[str] = ("image", "background")) -> None:
        super().__init__(keys)

    @staticmethod
    def read(path: Path | zipfile.Path) -> Tensor:
        """Read the gray levels 0..1 of one picture, (1, H, W); MONAI's readers cannot look into a zip."""
        with path.open("rb") as stream, Image.open(stream) as picture:
            return torch.from_numpy(np.array(picture.convert("L"), dtype=np.float32))[None] / 255.0

    def __call__(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Replace the paths in ``data`` by tensors."""
        joint = dict(data)
        for key in self.key_iterator(joint):  # type: ignore[arg-type]
            joint[key] = self.read(joint[key])
        bones = {LOWER: joint.pop("lower"), UPPER: joint.pop("upper")}
        joint["masks"] = torch.cat([(self.read(bones[bone]) > 0.5).float() for bone in (LOWER, UPPER)])
        for key in ("background", "image"):
            if not isinstance(joint[key], Tensor):
                del joint[key]
        return joint


class FaceLeftd(MapTransform):
    """Mirroring of right hands, so that all joints of a batch face the same way and their bones fit each other."""

    def __call__(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Flip the columns of ``keys`` where ``hand`` is ``R``."""
        joint = dict(data)
        if joint["hand"] == "R":
            for key in self.key_iterator(joint):  # type: ignore[arg-type]
                joint[key] = joint[key].flip(-1)
        return joint


def signed_distance(masks: Tensor) -> Tensor:
    """Return the distance to each mask's outline, px, positive inside, negative outside, zero between two pixels.

    Args:
        masks: (C, H, W), a pixel is inside above 0.5.

    Returns:
        (C, H, W) float32.
    """
    inside = (masks > 0.5).float()
    within = torch.as_tensor(distance_transform_edt(inside), dtype=torch.float32)
    outside = torch.as_tensor(distance_transform_edt(1.0 - inside), dtype=torch.float32)
    return within - outside - inside + 0.5


class SignedDistanced(MapTransform):
    """Addition of ``distance`` (2, H, W), the :func:`signed_distance` of ``masks``, for the overlap synthesis."""

    def __init__(self, keys: Sequence[str] = ("masks",)) -> None:
        super().__init__(keys)

    def __call__(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Add the distance; a caching dataset measures it once."""
        joint = dict(data)
        for key in self.key_iterator(joint):  # type: ignore[arg-type]
            joint["distance"] = signed_distance(joint[key])
        return joint


class LevelTissued(MapTransform):
    """Addition of ``tissue`` (1, H, W), the soft tissue of ``background`` levelled under the bones.

    The release's pictures of the soft tissue are too dark under the bones, and black at the picture's edge. Under the
    bones they are at least the median of the tissue that is near both; then all is smoothed.

    Args:
        near: px from both bones within which tissue counts as near.
        sigma: of the Gaussian, px.
    """

    def __init__(self, keys: Sequence[str] = ("background",), *, near: float = 8.0, sigma: float = 4.0) -> None:
        super().__init__(keys)
        self.near, self.sigma = near, sigma

    def __call__(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Add the levelled tissue, gray levels 0..1; ``distance`` must be there (:class:`SignedDistanced`)."""
        joint = dict(data)
        distance = joint["distance"]
        bones, near = (distance > 0).any(dim=0), ((distance < 0) & (distance > -self.near)).all(dim=0)
        # Bones far from each other have tissue around them, bones that fill the picture none at all.
        where = next((x for x in (near, ~bones) if x.any()), bones)
        for key in self.key_iterator(joint):  # type: ignore[arg-type]
            gray = joint[key][0]
            level = gray[where].median()
            levelled = torch.where(bones, gray.clamp(min=float(level)), gray)
            smooth = gaussian_filter(levelled.numpy(), self.sigma, mode="nearest")
            joint["tissue"] = torch.from_numpy(smooth)[None]
        return joint

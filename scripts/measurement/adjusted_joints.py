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


"""Joints with known changes of their joint space, as training data: from results of the main job, or drawn."""

import json
import logging
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import fire
import numpy as np
import torch
from PIL import Image
from torch import Tensor

from scripts.dicom.joint import IN_TISSUE
from scripts.errors import InputError, exit_on_input_error, whole_number
from scripts.files import prepare_output, write_durably
from scripts.inference.regions import masks_of
from scripts.measurement.adjusted_joint import JointLayers, adjust, gap_px, joint_layers, overlap_px
from scripts.phantoms.joint import draw_joint
from scripts.phantoms.joint_anatomy import UNITS, draw_overlap
from scripts.physics import LOWER, UPPER

logger = logging.getLogger(__name__)

CHANGES = (-4.0, -2.0, 0.0, 2.0, 4.0)
FIGURES = "_figures.json"


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of ``widths.csv``.

    Attributes:
        image: name of the file.
        subject: name of the joint that it was made of; all images of a joint belong into one split.
        change_px: of its joint space, along the axis.
        gap_px: narrowest gap between both outlines along the axis, negative: thickest overlap; of drawn joints exact,
            else counted in the source's masks, to a pixel, and changed exactly.
        overlap_px: area in which the masks overlap.
    """

    image: str
    subject: str
    change_px: float
    gap_px: float
    overlap_px: int


@dataclass(frozen=True, kw_only=True)
class Adjusted:
    """One image to write: (H, W) gray levels 0..1, masks (2, H, W) bool, its bit depth and its line."""

    gray: Tensor
    masks: Tensor
    bits: int
    row: Row


def from_results(folder: Path, changes: Sequence[float]) -> Iterator[Adjusted]:
    """Yield the joints of a folder of results of the main job, with each change of their joint space.

    Args:
        folder: of pictures' results, with layers in their tissue.
        changes: px.

    Raises:
        InputError: no results, or layers that were cut out; or as :func:`scripts.measurement.adjusted_joint.adjust`.
    """
    found = sorted(folder.rglob(f"*{FIGURES}"))
    if not found:
        raise InputError(f"results {folder}: expected results of pictures (NAME{FIGURES}), got none")
    for path in found:
        name = path.name.removesuffix(FIGURES)
        joint, bits = read_result(path)
        gap = gap_px(joint)
        for change in changes:
            moved = adjust(joint, change)
            row = Row(
                image=file_name(name, change),
                subject=name,
                change_px=change,
                gap_px=gap + change,
                overlap_px=overlap_px(moved),
            )
            yield Adjusted(gray=moved.image, masks=moved.masks, bits=bits, row=row)


def read_result(figures: Path) -> tuple[JointLayers, int]:
    """Read the layers of a picture, and the bit depth of its files.

    Raises:
        InputError: layers that were cut out; a file is missing or is not what the main job writes.
    """
    name = figures.name.removesuffix(FIGURES)
    try:
        record = json.loads(figures.read_text(encoding="utf-8"))
        kind, white, angle = record["layers"], int(record["white_level"]), float(record["angle"])
        read = {end: _levels(figures.with_name(f"{name}_{end}.png")) for end in ("lower", "upper", "tissue", "label")}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{figures.name}: expected results of the main job, got none ({type(error).__name__})"
        ) from error
    if kind != IN_TISSUE:
        raise InputError(f"{figures.name}: expected layers in their tissue, got layers {kind}: separate it again")
    layers = torch.from_numpy(np.stack([read["lower"], read["upper"]]).astype(np.float64)) / white
    tissue = torch.from_numpy(read["tissue"].astype(np.float64)) / white
    joint = joint_layers(layers, tissue, torch.from_numpy(masks_of(read["label"])), angle=angle)
    if not joint.masks.flatten(1).any(dim=1).all():
        raise InputError(f"{figures.name}: expected two bones, got one or none")
    return joint, 16 if read["upper"].dtype == np.uint16 else 8


def drawn(count: int, changes: Sequence[float], seed: int, size: int) -> Iterator[Adjusted]:
    """Yield drawn joints, each drawn again with each change of its joint space: nothing is estimated.

    Args:
        count: of joints.
        changes: px.
        seed: of the first joint; each next one counts on.
        size: side, px.

    Raises:
        InputError: a change beyond what can be drawn.
    """
    for number in range(seed, seed + count):
        hand: Literal["left", "right"] = "left" if number % 2 else "right"
        depth, px = draw_overlap(np.random.default_rng([number, 2])), size / UNITS
        name = f"joint_{number:03d}_{hand}"
        for change in changes:
            try:
                overlap, exposure = depth - change / px, round(1000 * change) % 2**31
                joint = draw_joint(number, size=size, overlap=overlap, hand=hand, exposure=exposure)
            except ValueError as error:
                raise InputError(f"{name}, change {change:g} px: {error}") from error
            row = Row(
                image=file_name(name, change),
                subject=name,
                change_px=change,
                gap_px=change - depth * px,
                overlap_px=int(joint.masks.all(dim=0).sum()),
            )
            yield Adjusted(gray=joint.image[0], masks=joint.masks, bits=8, row=row)


def numbers(changes: object) -> list[float]:
    """Return the changes of a command line as numbers.

    Raises:
        InputError: they are no numbers, none at all, or one of them twice.
    """
    given = list(changes) if isinstance(changes, list | tuple) else [changes]
    # To the digits of a file's name; true and false are numbers to Python.
    wanted = [round(float(each), 2) for each in given if isinstance(each, int | float) and not isinstance(each, bool)]
    if not wanted or len(wanted) < len(given) or len(set(wanted)) < len(wanted):
        raise InputError(f"changes: expected different numbers such as -2,0,2, got {changes}")
    return wanted


def file_name(name: str, change: float) -> str:
    """Return the name of the image of a joint with a change, e.g. ``joint_003_left_m2.50px.png``."""
    return f"{name}_{'m' if change < 0 else 'p'}{abs(change):.2f}px.png"


def write(adjusted: Adjusted, folder: Path) -> None:
    """Write an image and its masks as an input of the bundle."""
    path = folder / adjusted.row.image
    levels = (adjusted.gray.double().clamp(0.0, 1.0) * (2**adjusted.bits - 1)).round().numpy()
    Image.fromarray(levels.astype(np.uint8 if adjusted.bits == 8 else np.uint16)).save(path)
    for bone, side in ((LOWER, "lower"), (UPPER, "upper")):
        mask = adjusted.masks[bone].numpy().astype(np.uint8) * 255
        Image.fromarray(mask).save(folder / f"{path.stem}_mask_{side}.png")


def _levels(path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        return np.array(picture)


@exit_on_input_error()
def main(
    output_dir: str,
    results: str | None = None,
    count: int = 5,
    changes: float | Sequence[float] = CHANGES,
    seed: int = 0,
    size: int = UNITS,
) -> None:
    """Write joints with known changes of their joint space, their masks, and ``widths.csv``.

    Args:
        output_dir: the folder, created if it is not there.
        results: folder of results of the main job; if not given, joints are drawn.
        count: drawn joints.
        changes: of the joint space, px, to 0.01 px, e.g. ``-2,0,2``; negative: narrower.
        seed: of the first drawn joint.
        size: side of a drawn joint, px.
    """
    wanted = numbers(changes)
    count, seed = whole_number("count", count, 1), whole_number("seed", seed)
    folder = Path(output_dir)
    prepare_output(folder)
    made = drawn(count, wanted, seed, size) if results is None else from_results(Path(results), wanted)
    lines = [",".join(Row.__dataclass_fields__)]
    for adjusted in made:
        write(adjusted, folder)
        row = asdict(adjusted.row)
        lines.append(",".join(f"{value:.4f}" if isinstance(value, float) else str(value) for value in row.values()))
    write_durably(folder / "widths.csv", "".join(f"{line}\n" for line in lines).encode())
    logger.info("%d images: %s", len(lines) - 1, folder / "widths.csv")


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    fire.Fire(main)

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

"""Drawn hands as DICOM files: the samples, and archives of any size, with the centres of their joints and the truth."""

import csv
import itertools
import json
import logging
from hashlib import sha256
from pathlib import Path
from typing import Literal

import fire
import numpy as np
from pydicom import uid
from skimage.io import imsave

from scripts.phantoms.dicom_file import wrap
from scripts.phantoms.hand import JOINTS, Hand, draw_hand
from scripts.phantoms.joint_anatomy import UNITS
from scripts.physics import FIELD_MM, LOWER, UPPER

logger = logging.getLogger(__name__)

SYNTAXES = (
    "ExplicitVRLittleEndian",
    "DeflatedExplicitVRLittleEndian",
    "RLELossless",
    "JPEGLSLossless",
    "JPEG2000Lossless",
)
"""Transfer syntaxes that hands are written in, as ``pydicom.uid`` names them."""


def save(
    hand: Hand,
    path: Path,
    *,
    number: int = 0,
    bits: int = 12,
    photometric: Literal["MONOCHROME2", "MONOCHROME1"] = "MONOCHROME2",
    transfer_syntax: str = "ExplicitVRLittleEndian",
    years: int = 0,
) -> None:
    """Write a hand as a DICOM file, its truth in a folder ``truth`` beside it.

    Args:
        hand: to write.
        path: the file, ``NAME.dcm``; for each joint there are ``truth/NAME_JOINT_mask_upper.png`` and ``_mask_lower``
            (0, 255) and, if they are known, ``_layer_upper`` and ``_layer_lower`` (16 bits); k of each joint, boxes
            and spacing are in ``truth/NAME.json``.
        number: of the patient; both hands of a number are one study.
        bits: Bits Stored.
        photometric: Photometric Interpretation.
        transfer_syntax: keyword of a lossless one, as in ``pydicom.uid``: ``"JPEGLSLossless"``, ``"JPEG2000Lossless"``,
            ``"RLELossless"``, ``"DeflatedExplicitVRLittleEndian"`` or ``"ExplicitVRLittleEndian"``.
        years: by which the study is earlier than another one of the patient.

    Raises:
        ValueError: another transfer syntax, or see :func:`scripts.phantoms.dicom_file.wrap`.
    """
    if transfer_syntax not in SYNTAXES:
        raise ValueError(f"transfer_syntax: expected one of {', '.join(SYNTAXES)}, got {transfer_syntax!r}")
    gray = hand.image[0].numpy()
    dataset = wrap(
        gray,
        spacing=hand.spacing,
        laterality="R" if hand.side == "right" else "L",
        # Other pixels are another object.
        seed=f"{path.stem} {hand.spacing} {bits} {photometric} {sha256(gray.tobytes()).hexdigest()}",
        study=f"{number} {years} years before" if years else f"{number}",
        bits=bits,
        photometric=photometric,
        patient_name=f"Phantom^Hand {number:03d}",
        patient_id=f"PHANTOM-{number:03d}",
    )
    for keyword in ("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate") if years else ():
        if keyword in dataset:
            date = str(dataset[keyword].value)
            setattr(dataset, keyword, f"{int(date[:4]) - years}{date[4:]}")
    syntax = getattr(uid, transfer_syntax)
    if syntax.is_encapsulated:
        dataset.compress(syntax, generate_instance_uid=False)
    dataset.file_meta.TransferSyntaxUID = syntax
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset.save_as(path, enforce_file_format=True)
    _save_truth(hand, path.parent / "truth", path.stem)


def _save_truth(hand: Hand, folder: Path, stem: str) -> None:
    folder.mkdir(exist_ok=True)
    truths = {}
    for name, joint in hand.joints.items():
        for channel, bone in ((UPPER, "upper"), (LOWER, "lower")):
            mask = joint.masks[channel].numpy().astype(np.uint8) * 255
            imsave(folder / f"{stem}_{name}_mask_{bone}.png", mask, check_contrast=False)
            if joint.layers is not None:
                layer = np.rint(joint.layers[channel].double().numpy() * 65535).astype(np.uint16)
                imsave(folder / f"{stem}_{name}_layer_{bone}.png", layer, check_contrast=False)
        k = None if joint.soft_tissue is None else round(joint.soft_tissue, 5)
        truths[name] = {"centre": joint.centre, "box": joint.box, "soft_tissue": k}
    text = json.dumps({"spacing": hand.spacing, "hand": hand.side, "joints": truths})
    (folder / f"{stem}.json").write_text(text + "\n")


def main(
    output_dir: str,
    count: int = 2,
    seed: int = 0,
    spacing: float = 0.1,
    size: tuple[int, int] | None = None,
    overlap: float | None = None,
    bits: int = 12,
    photometric: Literal["MONOCHROME2", "MONOCHROME1"] = "MONOCHROME2",
    transfer_syntax: str = "ExplicitVRLittleEndian",
    joint_list: str = "joints.csv",
    visits: int = 1,
    narrowing: float = 0.2,
) -> None:
    """Draw hands, right and left in turn, into a folder of DICOM files, a list of their joints and ``truth`` beside.

    Args:
        output_dir: the folder, created if it is not there.
        count: how many hands.
        seed: of the first hand; each next one counts on.
        spacing: mm a px, 0.08 to 0.2.
        size: rows,columns in px; 250 x 200 mm if not given.
        overlap: thickest column of every joint's overlap in 1/256 of 23 mm; drawn for each joint if not given.
        bits: Bits Stored, 8 to 16.
        photometric: MONOCHROME2 or MONOCHROME1.
        transfer_syntax: keyword of a lossless one, e.g. JPEGLSLossless.
        joint_list: file name of the list of joints; under another one than joints.csv the main job does not read it,
            and finds the joints itself.
        visits: radiographs of each hand, a year between two of them.
        narrowing: of every joint space from visit to visit, mm.
    """
    rows = []
    for number, visit in itertools.product(range(seed, seed + count), range(visits)):
        side: Literal["left", "right"] = "left" if number % 2 else "right"
        thickest = overlap if overlap is not None or visits == 1 else 0.0
        overlaps = None
        if thickest is not None:
            overlaps = dict.fromkeys(JOINTS, thickest + visit * narrowing * UNITS / FIELD_MM)
        hand = draw_hand(number, spacing=spacing, size=size, hand=side, overlaps=overlaps, exposure=visit)
        name = f"hand_{number:03d}_{side}" + (f"_visit_{visit + 1}" if visits > 1 else "")
        path = Path(output_dir) / f"{name}.dcm"
        save(
            hand,
            path,
            number=number,
            bits=bits,
            photometric=photometric,
            transfer_syntax=transfer_syntax,
            years=visits - 1 - visit,
        )
        rows += [(path.name, name, *joint.centre) for name, joint in hand.joints.items()]
        logger.info("%s: %d joints", path, len(hand.joints))
    with (Path(output_dir) / joint_list).open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([("image", "joint", "x", "y"), *rows])


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    fire.Fire(main)

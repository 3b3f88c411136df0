"""Radiographs with two joints taken apart, and what the validator says of what is derived from them."""

import subprocess
import sysconfig
from io import BytesIO
from pathlib import Path

import numpy as np
import torch
from pydicom import Dataset, dcmread

from scripts.dicom.joint import IN_TISSUE, MASKED, SeparatedJoint
from scripts.dicom.provenance import Software
from scripts.dicom.reader import Radiograph, read_radiograph
from scripts.physics import RIM, cut_out, grow, split_levels
from tests.support.dicom_sources import source, write
from tests.support.drawn import joint

SOFTWARE = Software(version="1.2.3", weights_sha256="ab" * 32)
BOXES = {"left_2": (10, 0, 150, 90), "left_3": (0, 105, 160, 200)}


def radiograph(folder: Path, **settings) -> Radiograph:
    """A source as it is read from its file."""
    return read_radiograph(write(source(**settings), folder / "source.dcm"))


def joints(of: Radiograph, masks_from: str = "predicted", kind: str = IN_TISSUE) -> list[SeparatedJoint]:
    """Two joints of a drawn radiograph: its left and its right part, shared equally in their overlap."""
    drawn, white = joint(*of.levels.shape)[1], of.grayscale.top
    result = []
    for name, box in BOXES.items():
        top, left, bottom, right = box
        masks, levels = drawn[:, top:bottom, left:right], torch.from_numpy(of.levels[top:bottom, left:right])
        tissue, shares = torch.full(levels.shape, round(0.25 * white)), torch.full(levels.shape, 0.5)
        layers = split_levels(levels, shares, tissue, torch.from_numpy(masks.copy()), white)
        if kind == MASKED:
            layers = cut_out(layers[None], torch.from_numpy(masks.copy())[None])[0]
        result.append(
            SeparatedJoint(
                name=name,
                box=box,
                layers=layers.numpy(),
                kind=kind,
                masks=masks,
                soft_tissue=0.25 * white,
                white=white,
                masks_from=masks_from,
            )
        )
    return result


def written(dataset: Dataset) -> bytes:
    """The bytes of an object's file."""
    file = BytesIO()
    dataset.save_as(file, enforce_file_format=True)
    return file.getvalue()


def reread(dataset: Dataset) -> Dataset:
    """An object as it comes out of its file."""
    return dcmread(BytesIO(written(dataset)))


def errors(dataset: Dataset, folder: Path) -> list[str]:
    """What dciodvfy finds wrong."""
    path = folder / "derived.dcm"
    path.write_bytes(written(dataset))
    validator = Path(sysconfig.get_path("scripts"), "dciodvfy")
    said = subprocess.run([validator, "-new", path], capture_output=True, text=True, errors="replace", check=False)
    return [line for line in (said.stderr + said.stdout).splitlines() if line.startswith("Error")]


def inside_alone(of: SeparatedJoint, layer: int) -> np.ndarray:
    """Pixels of a bone and its rim outside the zone."""
    grown = grow(torch.from_numpy(of.masks.copy())[None], RIM)[0].numpy()
    return grown[layer] & ~grown.all(axis=0)

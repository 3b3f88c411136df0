"""Drawn hands of several patients in a PACS, with the masks that a radiologist would draw."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from pydicom import Dataset, dcmread

from scripts.phantoms.hand import draw_hand
from scripts.phantoms.hand_files import save
from scripts.physics import label_map
from serving.bundle import ROOT, Bundle
from serving.local.orthanc import Orthanc
from serving.pacs.journal import Journal
from serving.pacs.result_index import ResultIndex
from serving.separation import JointSeparator

MODEL = ROOT / "models" / "model.pt"


@dataclass(frozen=True)
class Case:
    """Drawn hand of 0.2 mm a px: its object, the box of each joint, the true label map."""

    dataset: Dataset
    boxes: dict[str, tuple[int, int, int, int]]
    labels: np.ndarray

    @property
    def sop(self) -> str:
        return str(self.dataset.SOPInstanceUID)

    @property
    def series(self) -> str:
        return str(self.dataset.SeriesInstanceUID)

    def middle(self, name: str) -> tuple[float, float]:
        """Return row and column of the middle of a joint's box."""
        top, left, bottom, right = self.boxes[name]
        return (top + bottom) / 2, (left + right) / 2

    def at(self, *names: str) -> list[dict[str, object]]:
        """Return rows of joints by their names; of all joints without names."""
        edges = ("top", "left", "bottom", "right")
        return [{"joint": name, **dict(zip(edges, self.boxes[name], strict=True))} for name in names or self.boxes]


def draw_case(folder: Path, number: int, side: Literal["right", "left"] = "right") -> Case:
    """Draw a hand of a patient; a number is a patient, with two hands."""
    hand = draw_hand(number, spacing=0.2, hand=side)
    path = folder / f"{number}-{side}.dcm"
    save(hand, path, number=number)
    labels = np.zeros(hand.image.shape[1:], np.uint8)
    for joint in hand.joints.values():
        top, left, bottom, right = joint.box
        labels[top:bottom, left:right] |= label_map(joint.masks[None])[0, 0].numpy().astype(np.uint8)
    return Case(
        dcmread(path),
        {name: joint.box for name, joint in hand.joints.items()},
        labels,
    )


def separator_of(orthanc: Orthanc, folder: Path, weights: Path = MODEL) -> JointSeparator:
    """Return the server's separator, in this process."""
    pacs = orthanc.pacs()
    return JointSeparator(pacs, Journal(pacs, folder), Bundle(weights))


def results_of(separator: JointSeparator) -> ResultIndex:
    """Return all results in a separator's PACS."""
    return ResultIndex(separator.pacs, separator.journal)

"""Fixtures of Chromium in front of the server."""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright import sync_api
from pydicom import Dataset, dcmread

from scripts.dicom.layer_image import LAYER, PRIVATE_CREATOR, PRIVATE_GROUP
from scripts.phantoms.hand import draw_hand
from scripts.phantoms.hand_files import save
from serving.pacs.errors import NotInPacsError
from tests.serving.conftest import Hand, objects_in
from tests.support.desk import PANES, Desk


@pytest.fixture
def desk(chromium: sync_api.Browser, server, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    """Yield a page of its own, without cookies or cache."""
    context = chromium.new_context(viewport={"width": 1920, "height": 1080})
    pictures = os.environ.get("BLS_GAN_SCREENSHOTS")
    desk = Desk(context.new_page(), server.url, Path(pictures) if pictures else tmp_path)
    yield desk
    desk.picture(request.node.name)
    context.close()


@pytest.fixture(scope="session")
def whole_hand(tmp_path_factory: pytest.TempPathFactory) -> Hand:
    """Draw a hand of the size that detectors have: 2500 x 2000 px of 0.1 mm."""
    path = tmp_path_factory.mktemp("whole") / "hand.dcm"
    hand = draw_hand(93, spacing=0.1)
    save(hand, path, number=93)
    return Hand(dcmread(path), {name: (joint.centre[0], joint.centre[1]) for name, joint in hand.joints.items()})


def stored(pacs, study: str) -> dict[str, list[Dataset]]:
    """Fetch the objects of a study by their kind: upper, lower, masks, original; none that is being removed."""
    found: dict[str, list[Dataset]] = {"upper": [], "lower": [], "masks": [], "original": []}
    for where in objects_in(pacs, study).values():
        try:
            dataset = pacs.fetch(where)
        except NotInPacsError:
            continue
        layer = private_value(dataset, LAYER).lower() if (PRIVATE_GROUP, 0x10) in dataset else "original"
        found["masks" if dataset.Modality == "SEG" else layer].append(dataset)
    return found


def private_value(dataset: Dataset, element: int):
    """Return a value of the private block."""
    return dataset.private_block(PRIVATE_GROUP, PRIVATE_CREATOR)[element].value


def check_linked(desk, left: float, top: float) -> None:
    """Check that all panes show the same point of the hand in their middle, with the same zoom and window."""
    looks = {pane: desk.looks_at(pane) for pane in PANES}
    for pane in ("upper", "lower"):
        moved = np.add(looks[pane]["middle"], (left, top))
        np.testing.assert_allclose(moved, looks["original"]["middle"], atol=0.05)
        assert looks[pane]["zoom"] == pytest.approx(looks["original"]["zoom"], rel=1e-3)
        assert looks[pane]["window"] == pytest.approx(looks["original"]["window"])
        assert looks[pane]["invert"] == looks["original"]["invert"]

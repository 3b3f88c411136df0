"""Fixtures of a real PACS and a real server, started once, with drawn hands; and requests to them."""

import copy
import csv
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from pydicom import Dataset, dcmread
from pydicom.uid import generate_uid

from scripts.phantoms.hand import draw_hand
from scripts.phantoms.hand_files import save
from serving.local.monailabel import LabelServer
from serving.local.ohif_download import viewer
from serving.local.orthanc import Orthanc, free_port
from serving.pacs.client import Instance, Pacs
from serving.pacs.errors import failures_as_errors
from tests.support.programs import or_skip
from tests.support.waiting import LIMIT

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "samples" / "hand"


@dataclass(frozen=True)
class Hand:
    """Drawn hand: its object, and the middle of each joint, column and row."""

    dataset: Dataset
    joints: dict[str, tuple[float, float]]

    @property
    def sop(self) -> str:
        return str(self.dataset.SOPInstanceUID)

    @property
    def study(self) -> str:
        return str(self.dataset.StudyInstanceUID)

    @property
    def where(self) -> Instance:
        return Instance(self.study, str(self.dataset.SeriesInstanceUID), self.sop)

    def at(self, *names: str, by: float = 0) -> list[dict[str, float]]:
        """Return clicks on joints, ``by`` px beside their middle."""
        return [{"x": self.joints[name][0] + by, "y": self.joints[name][1] + by} for name in names]


@pytest.fixture(scope="session")
def sample() -> Hand:
    """Return the hand among the samples, 1667 x 1333 px of 0.15 mm."""
    with (SAMPLE / "true_joints.csv").open() as file:
        joints = {row["joint"]: (float(row["x"]), float(row["y"])) for row in csv.DictReader(file)}
    return Hand(dcmread(SAMPLE / "hand_000_right.dcm"), joints)


@pytest.fixture(scope="session")
def draw(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Draw a small hand, 0.2 mm a px: ``draw(number, photometric=..., bits=...)``."""
    folder = tmp_path_factory.mktemp("drawn")

    def drawn(number: int, **settings: Any) -> Hand:
        hand = draw_hand(number, spacing=0.2, hand="left")
        path = folder / f"{number}.dcm"
        save(hand, path, number=number, **settings)
        return Hand(dcmread(path), {name: (joint.centre[0], joint.centre[1]) for name, joint in hand.joints.items()})

    return drawn


OVERLAPS = (-14.0, -9.0)
"""Overlap of MCP2 at two visits, 1/256 of 23 mm: gaps, the second one narrower."""


@pytest.fixture(scope="session")
def drawn_visits(tmp_path_factory: pytest.TempPathFactory) -> list[Hand]:
    """Draw one hand at two visits, the earlier one first, that differ in the overlap of MCP2."""
    folder, visits = tmp_path_factory.mktemp("visits"), []
    for date, overlap in zip(("20240105", "20260310"), OVERLAPS, strict=True):
        hand = draw_hand(96, spacing=0.2, overlaps={"MCP2": overlap})
        save(hand, folder / f"{date}.dcm", number=96)
        dataset = dcmread(folder / f"{date}.dcm")
        dataset.StudyDate = dataset.ContentDate = date
        dataset.PatientBirthDate = "19600101"
        dataset.StudyInstanceUID, dataset.SeriesInstanceUID = (
            generate_uid(entropy_srcs=[date, what]) for what in ("study", "series")
        )
        centres = {name: (joint.centre[0], joint.centre[1]) for name, joint in hand.joints.items()}
        visits.append(Hand(dataset, centres))
    return visits


@pytest.fixture
def visits(put: Callable[..., None], drawn_visits: list[Hand]) -> list[Hand]:
    """Store a hand at two visits, and nothing else in their studies."""
    put(*(hand.dataset for hand in drawn_visits))
    return drawn_visits


@pytest.fixture(scope="session")
def orthanc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    """Yield a running Orthanc; a test that stops it starts it again."""
    running = or_skip(lambda: Orthanc(tmp_path_factory.mktemp("orthanc"), free_port(0)))
    yield running
    running.stop()


@pytest.fixture(scope="session")
def pacs(orthanc: Orthanc) -> Pacs:
    """Return the PACS as the server sees it."""
    return orthanc.pacs()


@pytest.fixture(scope="session")
def ohif() -> Path:
    """Return the viewer's files, fetched once for all tests and for ``make serve``."""
    return or_skip(lambda: viewer(ROOT / ".serve" / "ohif"))


@pytest.fixture(scope="session")
def server(orthanc: Orthanc, ohif: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabelServer]:
    """Yield a running server in front of ``orthanc``; a test that stops it starts it again."""
    state = tmp_path_factory.mktemp("state")
    running = LabelServer(
        orthanc.studies, state, port=free_port(0), orthanc=orthanc.url, credentials=orthanc.credentials, ohif=ohif
    )
    yield running
    running.stop()


@pytest.fixture
def hand(put: Callable[..., None], sample: Hand) -> Hand:
    """Store the sample hand, and delete everything else of its study, before and after."""
    put(sample.dataset)
    return sample


@pytest.fixture
def put(pacs: Pacs) -> Iterator[Callable[..., None]]:
    """Return a function that stores objects in studies that are empty, and empty them when the test ends, or fails."""
    studies: set[str] = set()

    def stored(*datasets: Dataset) -> None:
        for study in {str(dataset.StudyInstanceUID) for dataset in datasets}:
            empty(pacs, study)
            studies.add(study)
        pacs.store(datasets)

    yield stored
    for study in studies:
        empty(pacs, study)


def another_visit(hand: Hand, **header: Any) -> Dataset:
    """Return a drawn hand as a radiograph of another study, with other values in its header."""
    made = copy.deepcopy(hand.dataset)
    made.StudyInstanceUID, made.SeriesInstanceUID = generate_uid(), generate_uid()
    made.SOPInstanceUID = made.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    for keyword, value in header.items():
        setattr(made, keyword, value)
    return made


def objects_in(pacs: Pacs, study: str) -> dict[str, Instance]:
    """Return all objects of a study, by SOP Instance UID."""
    with failures_as_errors("search"):
        found = pacs.client.search_for_instances(study)
    instances = [Instance(study, *(str(item[tag]["Value"][0]) for tag in ("0020000E", "00080018"))) for item in found]
    return {each.sop: each for each in instances}


def empty(pacs: Pacs, study: str) -> None:
    """Delete all objects of a study from the PACS."""
    pacs.remove(list(objects_in(pacs, study).values()))


def ask(server: LabelServer, image: str, joints: Any = None, **more: Any) -> requests.Response:
    """Request joints of an image; the answer is JSON unless ``output`` says otherwise."""
    output = more.pop("output", "json")
    headers = more.pop("headers", {})
    label = more.pop("label", None)
    params = json.dumps({"joints": joints, **more} if joints is not None else more)
    files = {"label": label} if label else None
    return requests.post(
        f"{server.url}/infer/bls_gan",
        params={"image": image, "output": output},
        data={"params": params},
        files=files,
        headers=headers,
        timeout=LIMIT,
    )

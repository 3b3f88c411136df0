"""Tests of corrections in a PACS that become a data set to train on."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from scripts.datasets.export import KnownMasks
from scripts.datasets.finger_joints import release_datalist
from scripts.errors import InputError
from scripts.evaluation.mask_quality import held_out_joints
from scripts.networks.checkpoints import load, save
from scripts.networks.separator import Separator as Network
from serving.learning import corrections
from serving.local.orthanc import Orthanc, free_port
from serving.pacs.result_lookup import stored_results
from serving.separation import JointSeparator
from tests.support.clinic import MODEL, Case, draw_case, results_of, separator_of

pytestmark = pytest.mark.pacs


@pytest.fixture(scope="module")
def orthanc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    running = Orthanc(tmp_path_factory.mktemp("orthanc"), free_port(0))
    yield running
    running.stop()


@pytest.fixture(scope="module")
def separator(orthanc: Orthanc, tmp_path_factory: pytest.TempPathFactory) -> JointSeparator:
    return separator_of(orthanc, tmp_path_factory.mktemp("state"))


@pytest.fixture(scope="module")
def cases(separator: JointSeparator, tmp_path_factory: pytest.TempPathFactory) -> list[Case]:
    """Store two patients, one of them with both hands, in the PACS; correct six joints and predict two."""
    folder = tmp_path_factory.mktemp("drawn")
    cases = [draw_case(folder, 31), draw_case(folder, 31, "left"), draw_case(folder, 32)]
    separator.pacs.store([case.dataset for case in cases])
    for case in cases:
        separator(case.sop, case.at("MCP2", "MCP3"), lambda _, case=case: case.labels)
    separator(cases[0].sop, cases[0].at("MCP4", "MCP5"))
    return cases


def test_corrected_joints_are_counted_and_predicted_ones_are_not(separator: JointSeparator, cases: list[Case]) -> None:
    assert corrections.count(results_of(separator)) == (6, 2)
    assert len(list(corrections.corrections(results_of(separator)))) == 6


def test_a_correction_is_what_the_network_sees_and_what_was_drawn(separator: JointSeparator, cases: list[Case]) -> None:
    found = {joint.name: joint for joint in corrections.corrections(results_of(separator))}
    for case in cases:
        [joint] = [each for each in found.values() if _is_of(each, case, "MCP3")]
        assert joint.hand == case.dataset.ImageLaterality
        radiograph = separator.radiograph(separator.pacs.find(case.sop))
        assert (joint.image == radiograph.gray(case.boxes["MCP3"])).all()


def _is_of(joint: KnownMasks, case: Case, name: str, labels: np.ndarray | None = None) -> bool:
    """Return whether a joint's masks are those that were drawn, but for some px that its neighbour may get."""
    top, left, bottom, right = case.boxes[name]
    drawn = (case.labels if labels is None else labels)[top:bottom, left:right]
    labels = joint.masks[0] + 2 * joint.masks[1]
    return labels.shape == drawn.shape and bool((labels == drawn).mean() > 0.99)


def test_both_hands_of_a_patient_go_the_same_way_and_one_patient_is_held_out(
    separator: JointSeparator, cases: list[Case], tmp_path: Path
) -> None:
    trained_on, held_out = corrections.collect(results_of(separator), tmp_path)
    assert {trained_on, held_out} == {4, 2}
    sides = [{entry["case"].split("_")[0] for entry in _entries(tmp_path, split)} for split in ("train", "test")]
    assert [len(side) for side in sides] == [1, 1]
    assert sides[0].isdisjoint(sides[1])
    for image, masks in held_out_joints(tmp_path):
        assert image.shape == (1, 256, 256)
        assert masks.flatten(1).any(dim=1).all()


def _entries(folder: Path, split: str) -> list[dict]:
    return release_datalist(folder, split=split, validation_fraction=0.0)


def test_no_name_of_a_patient_gets_into_the_release(
    separator: JointSeparator, cases: list[Case], tmp_path: Path
) -> None:
    corrections.collect(results_of(separator), tmp_path)
    told = json.dumps([str(path) for path in tmp_path.rglob("*")])
    told += "".join(path.read_text() for path in (tmp_path / "Data").glob("LS_*"))
    for case in cases:
        for secret in (case.dataset.PatientID, case.sop, str(case.dataset.StudyInstanceUID)):
            assert secret not in told


def test_the_same_pacs_makes_the_same_release(separator: JointSeparator, cases: list[Case], tmp_path: Path) -> None:
    for name in ("one", "two"):
        corrections.collect(results_of(separator), tmp_path / name)
    one, two = (
        {p.relative_to(f): p.read_bytes() for p in f.rglob("*.*")} for f in (tmp_path / "one", tmp_path / "two")
    )
    assert one == two


def test_corrections_under_older_weights_count_and_the_newest_masks_win(
    separator: JointSeparator, orthanc: Orthanc, cases: list[Case], tmp_path: Path
) -> None:
    state = load(Network(), MODEL).state_dict()
    last = list(state)[-1]
    save({**state, last: state[last] + 1e-3}, tmp_path / "other.pt")
    other = separator_of(orthanc, tmp_path, tmp_path / "other.pt")
    case = cases[2]
    moved = np.roll(case.labels, 3, axis=0)
    other(case.sop, case.at("MCP2"), lambda _: moved)
    try:
        shas = [each.bundle.get().software.weights_sha256 for each in (separator, other)]
        assert corrections.count(results_of(separator)) == (6, 2)
        for newest, labels in ((shas, case.labels), (shas[::-1], moved)):
            found = list(corrections.corrections(results_of(separator), newest))
            assert len(found) == 6
            assert sum(_is_of(joint, case, "MCP2", labels) for joint in found) == 1
    finally:
        radiograph = other.radiograph(other.pacs.find(case.sop))
        other.pacs.remove(stored_results(other.pacs, radiograph, other.bundle.get().software).objects)
    assert corrections.count(results_of(separator)) == (6, 2)


def test_too_few_corrections_are_refused_with_their_number(tmp_path: Path, orthanc: Orthanc) -> None:
    with pytest.raises(InputError, match="expected 6 or more of 2 or more patients in the PACS, got 5 of 2: "):
        corrections.check_enough(5, 2)
    with pytest.raises(InputError, match="got 9 of 1: "):
        corrections.check_enough(9, 1)
    corrections.check_enough(6, 2)


def test_an_empty_pacs_has_none(tmp_path: Path) -> None:
    empty = Orthanc(tmp_path, free_port(0))
    try:
        results = results_of(separator_of(empty, tmp_path / "state"))
        assert corrections.count(results) == (0, 0)
        with pytest.raises(InputError, match="got 0 of 0: "):
            corrections.collect(results, tmp_path / "release")
    finally:
        empty.stop()

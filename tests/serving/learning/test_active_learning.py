"""Tests of the joint that active learning proposes next."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from scripts.inference.joint_list import LocatedJoint
from scripts.inference.regions import cut_region
from serving.app.datastore import Radiographs
from serving.learning import active_learning
from serving.learning.active_learning import LeastSure
from serving.local.orthanc import Orthanc, free_port
from serving.separation import JointSeparator
from tests.support.clinic import Case, draw_case, results_of, separator_of

pytestmark = pytest.mark.pacs


@pytest.fixture
def separator(tmp_path: Path) -> Iterator[JointSeparator]:
    running = Orthanc(tmp_path / "orthanc", free_port(0))
    yield separator_of(running, tmp_path / "state")
    running.stop()


@pytest.fixture
def radiographs(separator: JointSeparator) -> Radiographs:
    return Radiographs(separator)


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> list[Case]:
    folder = tmp_path_factory.mktemp("drawn")
    return [draw_case(folder, 41), draw_case(folder, 42)]


@pytest.fixture
def predicted(separator: JointSeparator, cases: list[Case]) -> list[Case]:
    """Store two hands in the PACS and separate joints of both."""
    separator.pacs.store([case.dataset for case in cases])
    separator(cases[0].sop, cases[0].at("MCP2", "MCP3"))
    separator(cases[1].sop, cases[1].at("MCP4"))
    return cases


def expected_doubts(separator: JointSeparator, cases: list[Case]) -> dict[tuple[str, str], float]:
    """Compute the doubt of all joints of the hands by the formula, by series and joint."""
    pipeline = separator.bundle.get()
    network, found = pipeline.compiled, {}
    for case, names in ((cases[0], ("MCP2", "MCP3")), (cases[1], ("MCP4",))):
        radiograph = separator.radiograph(separator.pacs.find(case.sop))
        located = [LocatedJoint(name, case.boxes[name], case.middle(name)) for name in names]
        for joint in located:
            region = cut_region(radiograph, "", joint, located)
            with torch.inference_mode():
                _, angle = pipeline.inferer.outline(region.image[None], network, territory=region.territory[None, None])
                inside = network.propose(region.image[None], angle)[0]
            p = inside[:, region.territory]
            found[case.series, joint.name] = float(p.minimum(1 - p).sum() / p.sum())
    return found


def test_the_least_sure_joint_comes_first_and_the_next_one_after_its_correction(
    separator: JointSeparator, radiographs: Radiographs, predicted: list[Case]
) -> None:
    strategy, waiting = LeastSure(separator, results_of(separator)), expected_doubts(separator, predicted)
    by_series = {case.series: case for case in predicted}
    while waiting:
        proposed = strategy({}, radiographs)
        series, joint = max(waiting, key=lambda key: waiting[key])
        assert (proposed["id"], proposed["joint"]) == (series, joint)
        assert proposed["unsure"] == pytest.approx(waiting.pop((series, joint)), abs=6e-6)
        assert (proposed["looked_at"], proposed["left"]) == (len(waiting) + 1, 0)
        case = by_series[series]
        assert tuple(proposed["box"]) == case.boxes[joint]
        assert tuple(proposed["centre"]) == pytest.approx(case.middle(joint))
        separator(case.sop, case.at(joint), lambda _, case=case: case.labels)
    assert strategy({}, radiographs) == {}


def test_images_without_results_come_when_nothing_predicted_is_left(
    separator: JointSeparator, radiographs: Radiographs, cases: list[Case]
) -> None:
    separator.pacs.store([case.dataset for case in cases])
    strategy = LeastSure(separator, results_of(separator))
    assert strategy({}, radiographs) == {"id": min(case.series for case in cases)}
    first = min(cases, key=lambda case: case.series)
    separator(first.sop, first.at("MCP2"))
    assert strategy({}, radiographs)["joint"] == "MCP2"
    separator(first.sop, first.at("MCP2"), lambda _: first.labels)
    assert strategy({}, radiographs) == {"id": max(case.series for case in cases)}


def test_a_second_call_only_searches_runs_no_network_and_memory_is_bounded(
    separator: JointSeparator, radiographs: Radiographs, predicted: list[Case], monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = []
    separator.bundle.get().network.segmenter.register_forward_hook(lambda *_: runs.append(1))
    strategy = LeastSure(separator, results_of(separator))
    first = strategy({}, radiographs)
    once = len(runs)
    assert once >= 3
    asked: list[str] = []
    separator.pacs.session.hooks["response"].append(lambda answer, *_, **__: asked.append(answer.url))
    assert strategy({}, radiographs) == first
    assert asked
    assert all("/instances?" in url for url in asked), "headers and pixels are remembered"
    assert len(runs) == once
    monkeypatch.setattr(active_learning, "REMEMBERED", 2)
    smaller = LeastSure(separator, results_of(separator))
    assert smaller({}, radiographs) == first
    assert len(smaller._doubts) == 2


def test_what_is_not_looked_at_in_time_is_looked_at_next_time(
    separator: JointSeparator, radiographs: Radiographs, predicted: list[Case], monkeypatch: pytest.MonkeyPatch
) -> None:
    strategy = LeastSure(separator, results_of(separator))
    strategy({}, radiographs)
    strategy._doubts.pop(list(strategy._doubts)[-1])
    monkeypatch.setattr(active_learning, "PATIENCE", -1.0)
    assert (strategy({}, radiographs)["looked_at"], strategy({}, radiographs)["left"]) == (2, 1)

"""Tests of the training on corrections: refusals, metrics, files that are kept, and crashes."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
import torch

from scripts.errors import InputError
from scripts.files import file_sha256
from scripts.networks import checkpoints
from scripts.networks.separator import Separator as Network
from serving.bundle import Bundle
from serving.learning import finetuning
from serving.learning.finetuning import FineTuning, install
from serving.local.monailabel import LabelServer
from serving.local.orthanc import Orthanc, free_port
from serving.pacs.client import Pacs
from serving.pacs.errors import PacsAwayError
from serving.pacs.journal import BusyError, Journal
from serving.pacs.result_index import ResultIndex
from tests.support.clinic import MODEL, Case, draw_case
from tests.support.waiting import LIMIT, wait_for


@dataclass(frozen=True)
class Clinic:
    """PACS and server, with the server's refusal of a training before anything was corrected."""

    server: LabelServer
    cases: list[Case]
    refused: requests.Response

    @property
    def state(self) -> Path:
        return self.server.state

    def post(self, path: str, params: Any = None) -> requests.Response:
        return requests.post(f"{self.server.url}{path}", json=params, timeout=LIMIT)

    def task(self) -> dict[str, Any]:
        """Return the state of the last training."""
        task: dict[str, Any] = requests.get(f"{self.server.url}/train/", timeout=LIMIT).json()
        return task

    def wait(self, *, until: str = "") -> dict[str, Any]:
        """Wait for the end of a training, or for words in its log, as long as the log grows."""
        task: dict[str, Any] = {}

        def ended() -> bool:
            task.update(self.task())
            said = json.dumps(task.get("details") or [])
            return bool(until and until in said) or task["status"] not in ("SUBMITTED", "RUNNING")

        wait_for(ended, lambda: task.get("details"))
        return task

    def stats(self) -> dict[str, Any]:
        stats: dict[str, Any] = requests.get(f"{self.server.url}/info/", timeout=LIMIT).json()["train_stats"]["bls_gan"]
        return stats

    def separate(self, case: Case, *names: str, masks: bool = False) -> dict[str, Any]:
        answer = requests.post(
            f"{self.server.url}/infer/bls_gan",
            params={"image": case.sop, "output": "json"},
            data={"params": json.dumps({"joints": case.at(*names)})},
            files={"label": ("label.bin", case.labels.tobytes())} if masks else None,
            timeout=LIMIT,
        )
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clinic]:
    """Yield three patients; all joints of two, and two joints of the third, are corrected."""
    folder = tmp_path_factory.mktemp("clinic")
    cases = [draw_case(folder, number) for number in (51, 52, 53)]
    orthanc = Orthanc(folder / "orthanc", free_port(0))
    try:
        orthanc.pacs().store([case.dataset for case in cases])
        server = LabelServer(
            orthanc.studies, folder / "state", port=free_port(0), orthanc=orthanc.url, credentials=orthanc.credentials
        )
        try:
            refused = requests.post(f"{server.url}/train/bls_gan", timeout=LIMIT)
            here = Clinic(server, cases, refused)
            for case in cases[:2]:
                here.separate(case, masks=True)
            here.separate(cases[2], "MCP2", "MCP3", masks=True)
            here.separate(cases[2], "MCP5")
            yield here
        finally:
            server.stop()
    finally:
        orthanc.stop()


@pytest.fixture(scope="module")
def trained(clinic: Clinic) -> dict[str, Any]:
    """Run the first training of the clinic; return its entry in the history."""
    begun = clinic.post("/train/bls_gan", {"max_epochs": 4, "learning_rate": 0.0005, "seed": 7})
    assert begun.status_code == 200, begun.text
    task = clinic.wait()
    assert task["status"] == "DONE", task
    [entry] = json.loads((clinic.state / "weights" / "history.json").read_text())
    return entry


@pytest.mark.slow
@pytest.mark.pacs
def test_too_few_corrections_are_refused_up_front_with_their_number(clinic: Clinic) -> None:
    assert clinic.refused.status_code == 400
    assert clinic.refused.json()["detail"].startswith("corrected joints: expected 6 or more of 2 or more patients")


@pytest.mark.slow
@pytest.mark.pacs
@pytest.mark.parametrize(
    ("path", "params", "sentence"),
    [
        ("/train/unknown", None, "model: expected bls_gan, got 'unknown'"),
        ("/train/", None, "expected /train/bls_gan, got /train/"),
        ("/train/bls_gan?run_sync=true", None, "run_sync: expected false, got true"),
        ("/train/bls_gan", {"max_epochs": 0}, "params: max_epochs: expected int 1 to 200, got 0"),
        ("/train/bls_gan", {"max_epochs": True}, "params: max_epochs: expected int 1 to 200, got True"),
        ("/train/bls_gan", {"learning_rate": "high"}, "params: learning_rate: expected float 1e-06 to 0.01, got high"),
        (
            "/train/bls_gan",
            {"network": "other"},
            "params: expected max_epochs, learning_rate, batch_size, seed, share, got",
        ),
        ("/activelearning/unknown", None, "strategy: expected least_sure or random, got 'unknown'"),
    ],
)
def test_what_cannot_be_is_refused_with_a_sentence(clinic: Clinic, path: str, params: Any, sentence: str) -> None:
    answer = clinic.post(path, params)
    assert answer.status_code == 400
    assert answer.json()["detail"].startswith(sentence)


@pytest.mark.slow
@pytest.mark.pacs
def test_a_training_that_is_stopped_leaves_nothing_and_the_weights_as_they_were(clinic: Clinic) -> None:
    before = clinic.stats()
    assert clinic.post("/train/bls_gan", {"max_epochs": 200}).status_code == 200
    clinic.wait(until="Epoch[1] Complete")
    assert (clinic.state / "training" / "release" / "Data").is_dir()
    assert (clinic.state / "training").stat().st_mode & 0o077 == 0
    second = clinic.post("/train/bls_gan")
    assert second.status_code == 409
    assert second.json()["detail"].startswith("a training runs already")
    assert clinic.separate(clinic.cases[2], "MCP5")["joints"], "the server answers while it trains"
    stopped = requests.delete(f"{clinic.server.url}/train/", timeout=LIMIT)
    assert (stopped.status_code, stopped.json()["status"]) == (200, "STOPPED")
    assert clinic.wait()["status"] == "STOPPED"
    assert not (clinic.state / "training").exists()
    assert [path.name for path in (clinic.state / "weights").iterdir()] == []
    assert clinic.stats() == before


@pytest.mark.slow
@pytest.mark.pacs
def test_better_weights_are_taken_and_the_former_ones_kept(clinic: Clinic, trained: dict[str, Any]) -> None:
    folder = clinic.state / "weights"
    before, after = str(file_sha256(MODEL)), str(file_sha256(folder / "model.pt"))
    assert (trained["weights_before"], trained["weights_after"], trained["taken"]) == (before, after, True)
    assert sorted(path.name for path in folder.iterdir()) == ["history.json", "model.pt", f"model_{before[:12]}.pt"]
    assert file_sha256(folder / f"model_{before[:12]}.pt") == before
    assert not (clinic.state / "training").exists()
    for metrics in trained["figures"].values():
        assert metrics["after"]["dice"] >= metrics["before"]["dice"]
    assert set(trained["figures"]) == {"held-out", "drawn"}
    assert sum(trained["joints"].values()) == 12
    assert trained["settings"]["seed"] == 7
    stats = clinic.stats()
    assert (stats["weights_sha256"], stats["trainings"], stats["taken"], stats["last"]) == (after, 1, 1, trained)


@pytest.mark.slow
@pytest.mark.pacs
def test_only_the_segmenter_changes(clinic: Clinic, trained: dict[str, Any]) -> None:
    old, new = checkpoints.read(MODEL), checkpoints.read(clinic.state / "weights" / "model.pt")
    assert list(old) == list(new)
    changed = {name.split(".")[0] for name in old if not torch.equal(old[name], new[name])}
    assert changed == {"segmenter"}


@pytest.mark.slow
@pytest.mark.pacs
def test_the_server_separates_with_the_new_weights_from_then_on(clinic: Clinic, trained: dict[str, Any]) -> None:
    answer = clinic.separate(clinic.cases[2], "MCP4")
    assert answer["weights_sha256"] == trained["weights_after"]


@pytest.mark.slow
@pytest.mark.pacs
def test_worse_weights_are_not_taken(clinic: Clinic, trained: dict[str, Any]) -> None:
    before = {path.name: file_sha256(path) for path in (clinic.state / "weights").glob("*.pt")}
    # So large a step, and a single one, makes noise of what was learned.
    assert clinic.post("/train/bls_gan", {"max_epochs": 1, "learning_rate": 0.01, "share": 1}).status_code == 200
    task = clinic.wait()
    assert task["status"] == "DONE", task
    last = clinic.stats()["last"]
    assert last["taken"] is False
    assert last["why"].startswith("worse on ")
    assert {path.name: file_sha256(path) for path in (clinic.state / "weights").glob("*.pt")} == before
    assert clinic.stats()["weights_sha256"] == trained["weights_after"]


@pytest.mark.slow
@pytest.mark.pacs
def test_the_joint_to_look_at_next_comes_with_its_image(clinic: Clinic, trained: dict[str, Any]) -> None:
    case = clinic.cases[2]
    answer = clinic.post("/activelearning/least_sure")
    assert answer.status_code == 200, answer.text
    proposed = answer.json()
    assert proposed["id"] == proposed["SeriesInstanceUID"] == case.series
    assert proposed["SOPInstanceUID"] == case.sop
    assert proposed["joint"] in ("MCP4", "MCP5")
    assert tuple(proposed["box"]) == case.boxes[proposed["joint"]]
    assert 0 < proposed["unsure"] < 0.5
    assert "path" not in proposed


@pytest.fixture
def former(tmp_path: Path) -> Path:
    """Return weights in use, in another folder than the new ones."""
    path = tmp_path / "bundle" / "model.pt"
    path.parent.mkdir()
    path.write_bytes(MODEL.read_bytes())
    return path


def fine_tuning(former: Path, state: Path) -> FineTuning:
    """Return a training task whose PACS does not exist."""
    pacs = Pacs("http://127.0.0.1:9")
    return FineTuning(ResultIndex(pacs, Journal(pacs, state)), Bundle(former), state)


@pytest.mark.parametrize("step", [0, 1])
def test_a_crash_while_weights_are_installed_leaves_the_old_or_the_new_ones_whole(
    tmp_path: Path, former: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    folder, candidate = tmp_path / "weights", tmp_path / "candidate.pt"
    folder.mkdir()
    state = Network().state_dict()
    checkpoints.save(state, candidate)
    bundle = Bundle(folder / "model.pt", former)
    moves, move = [], os.replace

    def crash(source: Any, target: Any) -> None:
        moves.append(target)
        if len(moves) > step:
            raise KeyboardInterrupt
        move(source, target)

    monkeypatch.setattr(finetuning.os, "replace", crash)
    with pytest.raises(KeyboardInterrupt):
        install(candidate, former, folder)
    monkeypatch.undo()
    assert bundle.path == former
    assert bundle.get().software.weights_sha256 == file_sha256(MODEL)
    install(candidate, former, folder)
    assert bundle.path == folder / "model.pt"
    kept = folder / f"model_{str(file_sha256(MODEL))[:12]}.pt"
    assert sorted(folder.iterdir()) == [folder / "model.pt", kept]
    assert kept.read_bytes() == MODEL.read_bytes()
    taken = checkpoints.read(folder / "model.pt")
    assert all(torch.equal(taken[name], value) for name, value in state.items())


def test_what_a_killed_training_left_goes_when_the_server_starts(tmp_path: Path, former: Path) -> None:
    pictures = tmp_path / "state" / "training" / "release"
    pictures.mkdir(parents=True)
    partial = tmp_path / "state" / "weights" / ".model.pt.1.partial"
    partial.parent.mkdir()
    partial.touch()
    fine_tuning(former, tmp_path / "state")
    assert not pictures.exists()
    assert not partial.exists()


def test_one_training_runs_at_a_time(tmp_path: Path, former: Path) -> None:
    one, two = (fine_tuning(former, tmp_path) for _ in range(2))
    with one._locked(), pytest.raises(BusyError, match="a training runs already"), two._locked():
        pass
    with two._locked():
        pass


def test_a_pacs_that_is_away_is_told_of(tmp_path: Path, former: Path) -> None:
    with pytest.raises(PacsAwayError, match="the PACS does not answer"):
        fine_tuning(former, tmp_path).check({})


def test_settings_are_those_of_the_config_but_for_what_is_asked(tmp_path: Path, former: Path) -> None:
    task = fine_tuning(former, tmp_path)
    assert task.settings({"seed": 3}) == {**task.config(), "seed": 3}
    assert set(task.config()) == set(finetuning.LIMITS)
    with pytest.raises(InputError, match=r"seed: expected int 0 to .*, got -1"):
        task.settings({"seed": -1})

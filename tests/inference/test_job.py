"""The job as other processes get it."""

import json
import os
from pathlib import Path

import pytest

from scripts.inference.job import Job, WorkerError, separate

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "configs" / "inference.json"


def test_paths_hold_on_other_machines(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    weights = os.path.relpath(ROOT / "models" / "model.pt")
    job = Job(str(ROOT / "configs" / "inference.json"), {"output_dir": "out", "weights": weights, "device": "cpu"})
    with job.started(elsewhere=True) as sent:
        assert sent.config == "configs/inference.json"
        assert sent.options == {"output_dir": str(tmp_path / "out"), "weights": "models/model.pt"}
        assert (tmp_path / "out" / sent.mark).is_file()
    assert not list((tmp_path / "out").iterdir())


def test_every_option_that_changes_results_reaches_the_workers():
    config = json.loads(CONFIG.read_text())
    options = {name for name, value in config.items() if not isinstance(value, (dict, list))}
    # What the command itself does, and what a worker has of its own.
    here = {"dataset_dir", "joints", "studies", "query", "workers", "scheduler", "bundle_root", "version", "network"}
    assert config["batch"]["job"]["options"].keys() == options - here


def test_a_config_that_ends_its_process_ends_the_job_only(tmp_path):
    options = {"output_dir": str(tmp_path), "layers": "of no kind", "initialize": ["$exit('not here')"]}
    job = Job(str(CONFIG), options, json.loads((ROOT / "metadata.json").read_text())["version"])
    with job.started() as sent, pytest.raises(WorkerError, match=r"worker on .*: not here"):
        separate(sent, None)

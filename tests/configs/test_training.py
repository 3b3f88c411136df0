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


import csv
import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from scripts.datasets.finger_joints import release_datalist
from scripts.networks.separator import Separator

ROOT = Path(__file__).parents[2]
STAGES = {"train_segmenter": "val_score", "train": "val_score"}
"""Stages and the metric by which each keeps its best weights."""
CONFIGS = {"train_segmenter": ("train", "train_segmenter"), "train": ("train",)}
"""Configs of each stage."""

pytestmark = pytest.mark.slow


def run(*configs: str, processes: int = 1, **override: object) -> str:
    """Run the bundle from the command line; return its output."""
    files = [str(ROOT / "configs" / f"{name}.json") for name in configs]
    several = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", str(processes)]
    line = [sys.executable, *(several if processes > 1 else []), "-m", "monai.bundle", "run"]
    line += ["--config_file", files[0] if len(files) == 1 else str(files)]
    for name, value in {"bundle_root": ROOT, "device": "cpu", **override}.items():
        line += [f"--{name}", str(value)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(line, env=environment, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def train(stage: str, release: Path, folder: Path, *, until: int) -> str:
    """Train a stage of three epochs on the drawn release, up to one of them."""
    # The schedule is that of three epochs: ending earlier is an interruption.
    stop = {"train#trainer#max_epochs": until}
    sizes = {"max_epochs": 3, "batch_size": 2, "val_interval": 1}
    return run(*CONFIGS[stage], dataset_dir=release, output_dir=folder, ckpt_dir=folder / "models", **sizes, **stop)


def curve(folder: Path, name: str) -> dict[int, float]:
    """A TensorBoard curve: value by step."""
    events = EventAccumulator(str(folder))
    events.Reload()
    return {event.step: event.value for event in events.Scalars(name)}


def loss_name(folder: Path) -> str:
    """The name of the training loss among the curves."""
    events = EventAccumulator(str(folder))
    events.Reload()
    (name,) = {"loss", "train_loss"} & set(events.Tags()["scalars"])
    return name


@pytest.fixture(scope="module", params=list(STAGES))
def stage(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def interrupted(stage: str, release: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Where a training of two of three epochs wrote, and what it said."""
    folder = tmp_path_factory.mktemp(stage)
    return folder, train(stage, release, folder, until=2)


def test_a_training_keeps_its_best_weights_and_its_last_state(stage: str, interrupted: tuple[Path, str]) -> None:
    folder, said = interrupted
    assert [path.name for path in folder.glob("checkpoint*")] == ["checkpoint_epoch=2.pt"]
    assert said.count(f"Metrics -- {STAGES[stage]}") + said.count(f" {STAGES[stage]}: ") >= 2
    network = Separator()
    network.load_state_dict(torch.load(folder / "models" / "model.pt", weights_only=True))


def test_a_training_draws_curves_and_pictures(stage: str, interrupted: tuple[Path, str]) -> None:
    folder, _ = interrupted
    events = EventAccumulator(str(folder))
    events.Reload()
    assert events.Tags()["images"]
    assert list(curve(folder, STAGES[stage])) == [1, 2]
    steps = list(curve(folder, loss_name(folder)))
    assert steps == list(range(1, len(steps) + 1))


def test_a_stage_trains_its_own_part_of_the_network_only(
    stage: str, interrupted: tuple[Path, str], release: Path
) -> None:
    folder, _ = interrupted
    state = torch.load(folder / "checkpoint_epoch=2.pt", weights_only=True)
    torch.manual_seed(0)
    trained = {"train_segmenter": "segmenter", "train": "generator"}[stage]
    untouched = {"segmenter": "generator", "generator": "segmenter"}[trained]
    counters = {name: value for name, value in state["network"].items() if name.endswith("num_batches_tracked")}
    assert all(value > 0 for name, value in counters.items() if name.startswith(trained))
    assert all(value == 0 for name, value in counters.items() if name.startswith(untouched))


def test_an_interrupted_training_goes_on_where_it_stopped_and_keeps_the_best_weights(
    stage: str, interrupted: tuple[Path, str], release: Path
) -> None:
    folder, _ = interrupted
    model = folder / "models" / "model.pt"
    before = model.read_bytes()
    said = train(stage, release, folder, until=3)
    assert "checkpoint_epoch=2.pt" in said
    assert re.search(r"resuming from iteration 0, epoch 2 until 3 epochs", said)
    assert "Saved checkpoint at epoch: 3" in said
    assert "Saved checkpoint at epoch: 1" not in said
    loss = curve(folder, loss_name(folder))
    assert len(loss) % 3 == 0
    assert list(loss) == list(range(1, len(loss) + 1))
    scores = curve(folder, STAGES[stage])
    assert list(scores) == [1, 2, 3]
    better = max if stage == "train_segmenter" else min
    is_best = better(scores.values()) == scores[3] and scores[3] not in (scores[1], scores[2])
    assert (model.read_bytes() != before) == is_best
    assert (f"Got new best metric of {STAGES[stage]}" in said) == is_best


def test_the_same_seed_takes_the_same_steps(
    stage: str, interrupted: tuple[Path, str], release: Path, tmp_path: Path
) -> None:
    folder, _ = interrupted
    train(stage, release, tmp_path, until=1)
    name = loss_name(folder)
    first, again = curve(folder, name), curve(tmp_path, name)
    assert len(again) >= 2
    assert {step: first[step] for step in again} == again


def test_pretraining_starts_without_real_overlaps(release: Path, tmp_path: Path) -> None:
    sizes = {"max_epochs": 1, "batch_size": 1, "val_interval": 1}
    run("train", "pretrain", dataset_dir=release, output_dir=tmp_path, ckpt_dir=tmp_path / "models", **sizes)
    assert (tmp_path / "models" / "model.pt").is_file()
    alone = release_datalist(release, split="train", overlap="nonoverlap")
    assert len(curve(tmp_path, "loss")) == len(alone) < len(release_datalist(release, split="train"))


def test_two_processes_train_as_one(release: Path, tmp_path: Path) -> None:
    sizes = {"max_epochs": 3, "batch_size": 4, "val_interval": 3, "learning_rate": 0.002}
    losses = []
    for processes, configs in ((1, ("train",)), (2, ("train", "multi_gpu"))):
        folder = tmp_path / str(processes)
        folders = {"dataset_dir": release, "output_dir": folder, "ckpt_dir": folder / "models"}
        override = {name: value for name, value in {**folders, **sizes}.items()}
        run(*configs, processes=processes, **override)
        assert [path.name for path in folder.glob("checkpoint*")] == ["checkpoint_epoch=3.pt"]
        assert list(curve(folder, "val_score")) == [3]
        Separator().load_state_dict(torch.load(folder / "models" / "model.pt", weights_only=True))
        losses.append(list(curve(folder, "loss").values()))
    one, two = losses
    assert len(one) == len(two) >= 3
    # The overlaps of two processes are drawn by other random numbers than those of one.
    assert sum(two) == pytest.approx(sum(one), rel=0.35)


def test_the_comparison_prints_a_table_of_all_methods(release: Path, yardstick: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "Data").symlink_to(release / "Data")
    (data / yardstick.name).symlink_to(yardstick)
    torch.manual_seed(0)
    torch.save(Separator().state_dict(), tmp_path / "model.pt")
    output = tmp_path / "eval"
    model = str(tmp_path / "model.pt")
    others_given = {"once": model, "twice": [model, model]}
    said = run("inference", "evaluate", dataset_dir=data, output_dir=output, weights=model, others=others_given)
    config = json.loads((ROOT / "configs" / "evaluate.json").read_text())
    others = ["once, k given", "once", *(f"twice{way}, seed {seed}" for way in (", k given", "") for seed in (0, 1))]
    others += ["twice, k given (2 seeds)", "twice (2 seeds)"]
    rows = json.loads((output / "known_layers.json").read_text())
    whole = [row for row in rows if row["overlap"] == "all"]
    assert {row["method"] for row in whole} == {*config["methods"], *config["masks_predicted"], *others}
    for row in whole:
        assert row["joints"] == "drawn-overlap-test"
        errors = f"overlap_mae {row['overlap_mae_lower']:.3f} / {row['overlap_mae_upper']:.3f}"
        assert f"drawn-overlap-test (3) | {row['method']} | {errors}" in said or "seeds)" in row["method"]
    by_method = {row["method"]: row for row in whole}
    equal, copy = by_method["equal split, k given"], by_method["copy the image"]
    assert equal["overlap_mae_lower"] < copy["overlap_mae_lower"]
    assert equal["recomposition_error_lower"] < 0.01 < copy["recomposition_error_lower"]
    assert by_method["once"]["overlap_mae_lower"] == by_method["BLS-GAN"]["overlap_mae_lower"]
    assert by_method["twice (2 seeds)"]["overlap_mae_lower_spread"] == 0.0
    assert {row["input"] for row in json.loads((output / "perturbed.json").read_text())} == set(
        config["perturbed"]["inputs"]
    )
    for table in ("known_layers", "perturbed", "real_overlaps", "real_masks", "varied_masks", "brightness", "realism"):
        with (output / f"{table}.csv").open(newline="") as stream:
            assert len(list(csv.DictReader(stream))) == len(json.loads((output / f"{table}.json").read_text())) > 0
    page = (output / "report.html").read_text()
    digest = hashlib.sha256((tmp_path / "model.pt").read_bytes()).hexdigest()
    for text in ("may not be passed on", "not a medical device", digest, "twice (2 seeds)", "real overlaps"):
        assert text in page
    assert "http" not in re.sub(r"data:[^\"]*", "", page)
    assert page.count("<img") == page.count('src="data:image/') == 7

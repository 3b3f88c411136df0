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

"""Training of the finder, by its config, on the drawn release."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from scripts.networks import checkpoints
from scripts.networks.separator import Separator

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.slow


def train(release: Path, output: Path, **override: object) -> None:
    line = [sys.executable, "-m", "monai.bundle", "run", "--config_file", str(ROOT / "configs" / "train_finder.json")]
    settings = {"bundle_root": ROOT, "device": "cpu", "dataset_dir": release, "output_dir": output, "hands": 4}
    settings |= {"batch_size": 2, "closeups": 2, "max_epochs": 2, **override}
    line += [f"--{name}={value}" for name, value in settings.items()]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(line, env=environment, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_finder_is_trained_and_nothing_else_and_an_interrupted_training_goes_on(
    release: Path, tmp_path: Path
) -> None:
    train(release, tmp_path, **{"trainer#max_epochs": 1})
    assert (tmp_path / "checkpoint_epoch=1.pt").is_file()
    train(release, tmp_path)
    assert (tmp_path / "checkpoint_epoch=2.pt").is_file()
    assert len(list((tmp_path / "hands").glob("*.pt"))) == 4
    old, new = (checkpoints.read(path) for path in (ROOT / "models" / "model.pt", tmp_path / "model.pt"))
    checkpoints.check(new, Separator(), tmp_path / "model.pt")
    changed = {name.split(".")[0] for name in old if not torch.equal(old[name], new[name])}
    assert changed == {"finder"}

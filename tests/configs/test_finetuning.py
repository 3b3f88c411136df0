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

import json
from pathlib import Path

import pytest
import torch

from scripts.datasets.export import KnownMasks, write_release
from scripts.networks import checkpoints
from scripts.networks.separator import Separator
from scripts.phantoms.joint import draw_joint
from tests.configs.test_training import ROOT, run

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def corrected(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four patients with a corrected joint each."""
    folder = tmp_path_factory.mktemp("corrected")
    drawn = [(f"p{seed}", draw_joint(seed, size=128, overlap=8.0)) for seed in range(4)]
    known = [KnownMasks(case, "R", "one", joint.image[0].numpy(), joint.masks.numpy()) for case, joint in drawn]
    write_release(folder, known, 0.25)
    return folder


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights to start from."""
    torch.manual_seed(3)
    path = tmp_path_factory.mktemp("start") / "model.pt"
    checkpoints.save(Separator().state_dict(), path)
    return path


def finetune(corrected: Path, start: Path, folder: Path, **override: object) -> dict[str, torch.Tensor]:
    """The weights that two epochs leave."""
    run(
        *("train", "train_segmenter", "finetune_segmenter"),
        dataset_dir=corrected,
        output_dir=folder,
        weights=start,
        **{"max_epochs": 2, **override},
    )
    return checkpoints.read(folder / "models" / "model.pt")


def test_only_the_segmenter_changes_and_the_same_seed_gives_the_same_weights(
    corrected: Path, start: Path, tmp_path: Path
) -> None:
    one, two = (finetune(corrected, start, tmp_path / name, seed=5) for name in ("one", "two"))
    before = checkpoints.read(start)
    assert {name.split(".")[0] for name in before if not torch.equal(before[name], one[name])} == {"segmenter"}
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_it_writes_into_its_own_folder_and_starts_from_nothing_else(corrected: Path, tmp_path: Path) -> None:
    override = json.loads((ROOT / "configs" / "finetune_segmenter.json").read_text())
    assert override["ckpt_dir"].startswith("$@output_dir")
    with pytest.raises(AssertionError, match=r"none\.pt: no weights there"):
        finetune(corrected, tmp_path / "none.pt", tmp_path / "out")
    assert not list(tmp_path.rglob("*.pt"))

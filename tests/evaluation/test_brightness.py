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
import math
from pathlib import Path

import pytest
import torch

from scripts.datasets.test_sets import RealJoints, Yardstick
from scripts.evaluation.brightness import Brightness, Composites, brightness_bias
from scripts.networks.baselines import HarmonicFill
from scripts.physics import attenuation, gray_level
from scripts.training.overlap_synthesis import OverlapSynthesis
from scripts.training.pairing import Pairing

K = torch.tensor([0.25])


def even_bones(less: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Image and masks of two even bones that absorb 0.4 and 0.3, and ``less`` of both in their overlap."""
    masks = torch.zeros(1, 2, 48, 48)
    masks[:, 0, 20:, 4:44] = masks[:, 1, :28, 4:44] = 1.0
    bones = 0.4 * masks[:, :1] + 0.3 * masks[:, 1:]
    return gray_level(attenuation(K) + bones - less * masks.prod(dim=1, keepdim=True)), masks


def test_even_bones_that_add_up_have_no_bias() -> None:
    assert brightness_bias(*even_bones(0.0), K, HarmonicFill()).item() == pytest.approx(0.0, abs=0.01)


def test_bones_that_thin_in_the_overlap_leave_it_darker_than_expected() -> None:
    less, expected = (even_bones(thin)[0][0, 0, 24, 24] for thin in (0.2, 0.0))
    bias = brightness_bias(*even_bones(0.2), K, HarmonicFill()).item()
    assert bias == pytest.approx(255 * (expected - less).item(), abs=0.05)


def test_bones_that_hardly_overlap_have_no_figure() -> None:
    image, masks = even_bones(0.0)
    masks[:, 1, 20:] = 0.0
    assert math.isnan(brightness_bias(image, masks, K, HarmonicFill()).item())


def test_composites_and_real_joints_stand_in_one_table(release: Path, yardstick: Path, tmp_path: Path) -> None:
    apart = RealJoints(release, split="train", overlap="nonoverlap")
    composites = Composites(apart, OverlapSynthesis(pairing=Pairing(depth=(8.0, 12.0))), every=2)
    assert len(composites) == len(composites.cases) == (len(apart) + 1) // 2
    assert composites[0]["masks"].shape == (2, 128, 128)
    sets = {
        "real": RealJoints(release, split="test", overlap="overlap"),
        "known": Yardstick(yardstick),
        "composites": composites,
    }
    rows = Brightness(joints=sets, fills={"harmonic": HarmonicFill()}, output_dir=tmp_path / "new").run()
    assert [row["joints"] for row in rows] == list(sets)
    assert rows[1]["images"] == 2
    assert rows[0]["harmonic_from"] <= rows[0]["harmonic"] <= rows[0]["harmonic_to"]
    assert json.loads((tmp_path / "new" / "brightness.json").read_text()) == rows


def test_composites_leave_the_random_numbers_of_others_alone(release: Path) -> None:
    apart = RealJoints(release, split="train", overlap="nonoverlap")
    before = torch.random.get_rng_state()
    one, two = (Composites(apart, OverlapSynthesis(), seed=3)[0]["image"] for _ in range(2))
    assert torch.equal(before, torch.random.get_rng_state())
    assert torch.equal(one, two)

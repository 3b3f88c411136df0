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

from types import SimpleNamespace

import pytest
import torch
from monai.inferers import SimpleInferer

from scripts.networks.finder import Finder
from scripts.training.finder_step import Exposure, FinderStep, heat_loss, lean_loss


def test_the_right_map_costs_less_than_an_empty_or_a_wrong_one() -> None:
    heat = torch.zeros(1, 1, 16, 16)
    heat[0, 0, 5, 7] = 1.0
    right = torch.full_like(heat, -8.0)
    right[0, 0, 5, 7] = 8.0
    wrong = right.flip(3)
    assert heat_loss(right, heat) < 0.01 * heat_loss(torch.full_like(heat, -8.0), heat)
    assert heat_loss(right, heat) < 0.01 * heat_loss(wrong, heat)


def test_the_lean_counts_only_where_a_joint_is() -> None:
    lean = torch.zeros(1, 2, 8, 8)
    lean[0, 1, 3, 3] = 1.0
    predicted = torch.full_like(lean, 9.0)
    predicted[0, :, 3, 3] = torch.tensor([0.0, 1.0])
    assert lean_loss(predicted, lean) == 0


def test_exposures_are_gray_levels_some_with_borders() -> None:
    torch.manual_seed(0)
    gray = Exposure(bordered=1.0, border=0.3)(torch.rand(6, 1, 64, 64))
    assert 0 <= gray.min() <= gray.max() <= 1
    assert any(len(film[0, :3].unique()) == 1 or len(film[0, :, -3:].unique()) == 1 for film in gray)


@pytest.mark.parametrize("amp", [False, True])
def test_a_step_teaches_both_networks(amp: bool) -> None:
    torch.manual_seed(0)
    network = Finder(overview=(4, 4, 4, 4, 4, 4), closeup=(4, 4, 4, 4, 4, 4))
    before = {name: value.clone() for name, value in network.named_parameters()}
    engine = SimpleNamespace(
        state=SimpleNamespace(device="cpu"),
        network=network,
        optimizer=torch.optim.SGD(network.parameters(), 0.1),
        inferer=SimpleInferer(),
    )
    film = {"image": torch.rand(2, 1, 64, 64), "joints": torch.tensor([[[3.0, 20, 30, 5, 0]]] * 2)}
    closeup = {"image": torch.rand(2, 3, 1, 96, 96), "joints": torch.tensor([[[[3.0, 48, 48, 5, 0]]] * 3] * 2)}
    answer = FinderStep(amp=amp)(engine, {"film": film, "closeup": closeup})  # type: ignore[arg-type]
    assert answer["loss"] == pytest.approx(answer["film_loss"] + answer["closeup_loss"], rel=1e-5)
    changed = {name for name, value in network.named_parameters() if not torch.equal(value, before[name])}
    assert any(name.startswith("overview") for name in changed)
    assert any(name.startswith("closeup") for name in changed)

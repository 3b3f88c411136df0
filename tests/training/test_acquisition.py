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

from typing import Any

import pytest
import torch
from torch import Tensor

from scripts.training.acquisition import Acquisition, box

NOTHING: dict[str, Any] = {
    "coarse": 0.0,
    "sharpened": 0.0,
    "blurred": 0.0,
    "gamma": (1.0, 1.0),
    "sigmoid": 0.0,
    "contrast": (1.0, 1.0),
    "brightness": (0.0, 0.0),
    "noise": (0.0, 0.0),
    "saturated": 0.0,
    "untouched": 0.0,
}
"""Arguments of an acquisition that changes nothing."""


def acquired(images: Tensor, seed: int = 0, **changes: Any) -> Tensor:
    torch.manual_seed(seed)
    return Acquisition(**{**NOTHING, **changes})(images)


@pytest.fixture
def texture() -> Tensor:
    """Four images of fine texture around one gray level."""
    return 0.4 + 0.1 * (torch.rand(4, 1, 64, 64, generator=torch.Generator().manual_seed(3)) - 0.5)


@pytest.fixture
def edge() -> Tensor:
    """Four images of one upright edge."""
    images = torch.full((4, 1, 64, 64), 0.3)
    images[..., 32:] = 0.6
    return images


def test_an_acquisition_of_nothing_changes_nothing(texture: Tensor) -> None:
    assert torch.allclose(acquired(texture), texture, atol=1e-6)


@pytest.mark.parametrize("seed", range(10))
def test_all_that_may_happen_leaves_gray_levels_and_the_size(texture: Tensor, seed: int) -> None:
    torch.manual_seed(seed)
    made = Acquisition()(texture)
    assert made.shape == texture.shape
    assert made.isfinite().all()
    assert 0.0 <= made.min() <= made.max() <= 1.0


def test_images_that_are_not_square_keep_their_shape() -> None:
    assert acquired(torch.rand(2, 1, 64, 96), coarse=1.0, noise=(0.01, 0.04)).shape == (2, 1, 64, 96)


def test_some_images_stay_as_they_are() -> None:
    images = torch.full((200, 1, 8, 8), 0.5)
    made = acquired(images, untouched=0.3, brightness=(0.1, 0.2))
    assert 0.2 < (made == images).flatten(1).all(dim=1).float().mean() < 0.4


def test_coarse_pixels_lose_fine_texture_and_keep_the_gray_level(texture: Tensor) -> None:
    made = acquired(texture, coarse=1.0, resolution=(0.45, 0.5))
    assert made.std() < 0.6 * texture.std()
    assert made.mean().item() == pytest.approx(texture.mean().item(), abs=0.002)


def test_coarse_pixels_move_no_edge(edge: Tensor) -> None:
    for seed in range(5):
        made = acquired(edge, seed, coarse=1.0, resolution=(0.45, 0.9))
        assert ((made > 0.45).sum(dim=3).double() - 32).abs().max() <= 1


@pytest.mark.parametrize(("changes", "steeper"), [({"sharpened": 1.0}, True), ({"blurred": 1.0}, False)])
def test_sharpened_edges_are_steeper_and_blurred_ones_are_not(
    edge: Tensor, changes: dict[str, float], steeper: bool
) -> None:
    steps = acquired(edge, **changes).diff(dim=3).abs().amax(dim=3)
    assert ((steps > 0.3) == steeper).all()


def test_a_box_takes_the_mean_around_each_pixel() -> None:
    picture = torch.zeros(1, 1, 9, 9)
    picture[..., 4, 4] = 9.0
    mean = box(picture, 3)
    assert mean[0, 0, 3:6, 3:6].allclose(torch.ones(3, 3))
    assert mean.sum().item() == pytest.approx(9.0)


@pytest.mark.parametrize("changes", [{"gamma": (0.5, 2.0)}, {"contrast": (0.5, 1.2)}, {"sigmoid": 1.0}])
def test_a_window_keeps_the_order_of_gray_levels_and_differs_from_image_to_image(changes: dict[str, Any]) -> None:
    ramp = torch.linspace(0.0, 0.8, 64).expand(4, 1, 64, 64)
    made = acquired(ramp, **changes)
    assert (made.diff(dim=3) > 0).all()
    assert len({round(image[0, 0, 40].item(), 5) for image in made}) == 4


def test_noise_is_as_strong_as_said_and_there_are_both_kinds() -> None:
    flat = torch.full((64, 1, 64, 64), 0.5)
    noise = acquired(flat, noise=(0.02, 0.02)) - 0.5
    spread = noise.std(dim=(1, 2, 3))
    assert spread.max() < 0.035
    steps = noise.diff(dim=3).std(dim=(1, 2, 3))[spread > 0.005] / spread[spread > 0.005]
    # Neighbours of white noise differ by sqrt(2) of its spread, those of noise that spans pixels by far less.
    assert steps.max() > 1.3
    assert steps.min() < 0.9


def test_saturated_images_have_white_pixels_and_no_new_dark_ones() -> None:
    ramp = torch.linspace(0.05, 0.7, 64).expand(8, 1, 64, 64)
    made = acquired(ramp, saturated=1.0)
    white = (made == 1.0).float().mean(dim=(1, 2, 3))
    assert white.min() > 0.0
    assert white.max() < 0.4
    assert (made >= ramp - 1e-6).all()

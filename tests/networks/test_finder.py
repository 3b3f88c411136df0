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

import pytest
import torch

from scripts.networks.finder import CLOSEUP_PX, Finder


@pytest.fixture(scope="module")
def finder() -> Finder:
    torch.manual_seed(0)
    return Finder().eval()


def test_the_overview_answers_at_half_of_the_films_resolution(finder: Finder) -> None:
    assert finder(torch.rand(2, 1, 96, 160)).shape == (2, 7, 48, 80)


def test_the_closer_look_answers_at_every_pixel(finder: Finder) -> None:
    assert finder.look_closer(torch.rand(3, 1, CLOSEUP_PX, CLOSEUP_PX)).shape == (3, 3, CLOSEUP_PX, CLOSEUP_PX)


def test_brightness_and_contrast_of_the_window_do_not_matter(finder: Finder) -> None:
    film = torch.rand(1, 1, 64, 64)
    torch.testing.assert_close(finder(film), finder(0.4 * film + 0.3), atol=1e-3, rtol=1e-3)


def test_its_weights_take_less_than_3_mb() -> None:
    assert sum(value.numel() * value.element_size() for value in Finder().state_dict().values()) < 3e6

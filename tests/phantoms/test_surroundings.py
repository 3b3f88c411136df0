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

import numpy as np
import pytest

from scripts.phantoms.surroundings import bar, cast, letters, no_hand, wire

SHAPE = (120, 100)


def test_a_bar_has_its_length_and_width() -> None:
    drawn = bar(SHAPE, np.array([50.0, 60.0]), 0.0, length=40, width=10)
    assert drawn.sum() == pytest.approx(400, rel=0.05)
    assert drawn[60, 50] == 1
    assert drawn[35, 50] == drawn[60, 40] == 0


def test_a_bar_leans_to_the_right() -> None:
    drawn = bar(SHAPE, np.array([50.0, 60.0]), np.pi / 4, length=60, width=6)
    assert drawn[45, 65] == 1
    assert drawn[45, 35] == 0


def test_letters_and_wires_stay_inside_of_the_film() -> None:
    quanta = np.random.default_rng(0)
    for place in ([0.0, 0.0], [99.0, 119.0], [50.0, 60.0]):
        for drawn in (letters(SHAPE, "R4", np.array(place), 20.0, 0.2), wire(SHAPE, np.array(place), quanta)):
            assert drawn.shape == SHAPE
            assert 0 <= drawn.min() <= drawn.max() <= 1
    assert letters(SHAPE, "L", np.array([50.0, 60.0]), 20.0, 0.0).max() == 1


def test_casts_and_films_without_a_hand_are_attenuation() -> None:
    for seed in range(8):
        quanta = np.random.default_rng(seed)
        assert no_hand(SHAPE, quanta).min() >= 0
        assert np.isfinite(cast(SHAPE, quanta)).all()

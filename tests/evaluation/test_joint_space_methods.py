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


from itertools import pairwise

import numpy as np
import pytest
import torch

from scripts.evaluation.joint_space_methods import Methods, Seen, phase_only, register_seen
from scripts.networks.separator import Separator
from scripts.physics import LOWER, UPPER
from scripts.reference.separator import ReferenceSeparator
from tests.support.visits import drawn_visit, quiet_joint, visit


@pytest.fixture(scope="module")
def seen() -> dict[str, Seen]:
    """A drawn joint as each method sees it, by a network that has learned nothing."""
    torch.manual_seed(0)
    drawn = drawn_visit(5, 0, size=128, overlap=8.0)
    image = (255 * drawn.image[0]).round().numpy().astype(np.uint8)
    return {name: see(image, drawn.masks.numpy()) for name, see in Methods(Separator()).see.items()}


def test_methods_differ_in_what_they_see(seen: dict[str, Seen]) -> None:
    assert list(seen) == [
        "plain image",
        "overlap left out",
        "equal split",
        "layers, drawn masks",
        "layers, predicted masks",
    ]
    layers = [each.joint.layers for each in seen.values()]
    assert np.array_equal(layers[0], layers[1])
    assert all(not np.array_equal(one, other) for one, other in pairwise(layers[1:]))


def test_the_papers_network_is_one_of_them_where_its_weights_are() -> None:
    drawn = drawn_visit(5, 0, size=128, overlap=8.0)
    image = (255 * drawn.image[0]).round().numpy().astype(np.uint8)
    torch.manual_seed(0)
    see = Methods(Separator(), ReferenceSeparator(grid=64).eval()).see
    names = ("the paper's network, drawn masks", "layers, drawn masks")
    theirs, ours = (see[name](image, drawn.masks.numpy()) for name in names)
    assert np.isfinite(theirs.joint.layers).all()
    assert np.array_equal(theirs.joint.masks, ours.joint.masks)
    assert not np.allclose(theirs.joint.layers, ours.joint.layers, atol=0.01)


def test_the_plain_image_is_both_layers_and_only_one_method_leaves_the_overlap_out(seen: dict[str, Seen]) -> None:
    plain = seen["plain image"].joint
    assert np.array_equal(plain.layers[LOWER], plain.layers[UPPER])
    left_out = seen["overlap left out"].left_out
    assert left_out is not None
    assert left_out[plain.masks.all(axis=0)].all()
    assert left_out.sum() > plain.masks.all(axis=0).sum()
    assert all(each.left_out is None for name, each in seen.items() if name != "overlap left out")


def test_equal_shares_are_equal_in_the_overlap(seen: dict[str, Seen]) -> None:
    joint = seen["equal split"].joint
    both = joint.masks.all(axis=0)
    assert joint.layers[LOWER][both] == pytest.approx(joint.layers[UPPER][both], abs=1e-5)


def test_registration_and_phase_only_correlation_measure_a_change() -> None:
    joint = quiet_joint(overlap=-8.0)
    first, second = (Seen(joint=visit(joint, number, change=-3.0 * number)) for number in range(2))
    assert register_seen(first, second).px == pytest.approx(-3.0, abs=0.1)
    assert phase_only(first, second) == pytest.approx(-3.0, abs=0.5)

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
from torch import Tensor

from scripts.datasets.finger_joints import signed_distance
from scripts.training.mask_jitter import MaskJitter
from scripts.training.overlap_synthesis import OverlapSynthesis
from scripts.training.pairing import Pairing


@pytest.mark.parametrize(("low", "high"), [(-0.8, 1.8), (-3.0, 0.0), (0.0, 3.0)])
def test_masks_are_too_small_or_too_large_by_as_many_pixels_as_said_and_no_more(
    joints: dict[str, Tensor], low: float, high: float
) -> None:
    torch.manual_seed(0)
    jitter = MaskJitter(share=1.0, pixels=(low, high))
    synthesis = OverlapSynthesis(pairing=Pairing(zoom=(1.0, 1.0), dilation=(0.0, 0.0)), mask_jitter=jitter)
    lost, won = [], []
    for _ in range(10):
        made = synthesis(joints)
        for true, given in zip(made["true_masks"], made["masks"], strict=True):
            distance = signed_distance(true)
            lost.append(distance[(true > given)])
            won.append(-distance[(true < given)])
    # Half a pixel for the outline between two pixels, half a one for the interpolation of distances.
    for off, most in ((torch.cat(lost), -low), (torch.cat(won), high)):
        assert (len(off) > 0) == (most > 0)
        assert most == 0 or most - 1.0 <= off.max() <= most + 1.0


def test_masks_are_the_true_ones_without_jitter(joints: dict[str, Tensor]) -> None:
    made = OverlapSynthesis(mask_jitter=MaskJitter(share=0.0))(joints)
    assert torch.equal(made["masks"], made["true_masks"])

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

from scripts.networks.baselines import Baseline, BiharmonicFill, CopyImage, EqualSplit
from scripts.networks.separator import CHANNELS
from scripts.physics import LOWER, UPPER, attenuation, gray_level, overlap_of, recompose

K = 0.25


def two_bones(lower: Tensor | float, upper: Tensor | float, size: int = 48) -> tuple[Tensor, Tensor, Tensor]:
    """Image, masks and true layers of two bones of known attenuation that overlap in rows 20..27."""
    masks = torch.zeros(1, 2, size, size)
    masks[:, LOWER, 20:, 4:44] = 1.0
    masks[:, UPPER, :28, 4:44] = 1.0
    bones = torch.stack([torch.as_tensor(bone).expand(size, size) for bone in (lower, upper)])[None] * masks
    soft = attenuation(torch.tensor(K))
    return gray_level(soft + bones.sum(dim=1, keepdim=True)), masks, gray_level(soft + bones)


@pytest.mark.parametrize("method", [EqualSplit(), CopyImage(), BiharmonicFill()])
def test_a_baseline_answers_as_the_separator_does(method: Baseline) -> None:
    image, masks, _ = two_bones(0.5, 0.3)
    pred = method(image.expand(2, -1, -1, -1), masks.expand(2, -1, -1, -1) > 0.5, torch.tensor([K, 0.1]))
    assert pred.shape == (2, len(CHANNELS), 48, 48)
    assert pred.dtype == torch.float32
    assert torch.equal(pred[:, 2:4], masks.expand(2, -1, -1, -1))
    assert pred[0, 5].unique().item() == K
    assert pred[1, 5].unique().item() == pytest.approx(0.1)
    alone = masks.bool() & ~overlap_of(masks)
    assert torch.equal(pred[:1, :2][alone], image.expand(-1, 2, -1, -1)[alone])
    assert torch.allclose(pred[:1, :2][masks == 0], torch.tensor(K))


@pytest.mark.parametrize("method", [EqualSplit(), BiharmonicFill()])
def test_a_shared_overlap_recomposes(method: Baseline) -> None:
    image, masks, _ = two_bones(0.5, 0.3)
    pred = method(image, masks, torch.tensor([K]))
    again = recompose(pred[:, :2], pred[:, 5:6], masks)
    assert (again - image)[masks.amax(dim=1, keepdim=True) > 0].abs().max() < 1e-5


def test_an_equal_split_is_right_where_both_bones_absorb_the_same() -> None:
    image, masks, layers = two_bones(0.4, 0.4)
    assert torch.allclose(EqualSplit()(image, masks, torch.tensor([K]))[:, :2], layers, atol=1e-6)


def test_copying_puts_the_image_into_both_layers() -> None:
    image, masks, _ = two_bones(0.5, 0.3)
    copied = CopyImage()(image, masks, torch.tensor([K]))[:, :2]
    assert torch.equal(copied * masks, image * masks)
    assert (copied[masks == 0] == K).all()


def test_biharmonic_filling_is_right_where_both_bones_are_even() -> None:
    image, masks, layers = two_bones(0.5, 0.3)
    filled = BiharmonicFill()(image, masks, torch.tensor([K]))
    assert torch.allclose(filled[:, :2], layers, atol=1e-3)
    assert (EqualSplit()(image, masks, torch.tensor([K]))[:, :2] - layers).abs().max() > 0.03


def test_biharmonic_filling_continues_a_slope_better_than_an_equal_split() -> None:
    slope = torch.linspace(0.2, 0.8, 48).expand(48, 48)
    image, masks, layers = two_bones(slope, 0.5)
    filled, equal = (method(image, masks, torch.tensor([K]))[:, :2] for method in (BiharmonicFill(), EqualSplit()))
    both = overlap_of(masks).expand(-1, 2, -1, -1)
    assert (filled - layers)[both].abs().mean() < 0.1 * (equal - layers)[both].abs().mean()


def test_filling_looks_no_farther_than_its_margin() -> None:
    image, masks, _ = two_bones(0.5, 0.3)
    changed = image.clone()
    # The overlap is rows 20..27, columns 4..43.
    changed[:, :, :15] = 0.9
    changed[:, :, 33:] = 0.9
    near = [BiharmonicFill(margin=5)(x, masks, torch.tensor([K]))[:, 4] for x in (image, changed)]
    assert torch.equal(near[0], near[1])


def test_bones_that_do_not_overlap_or_lie_wholly_in_the_overlap_make_no_nan() -> None:
    image, masks, _ = two_bones(0.5, 0.3)
    apart, whole = masks.clone(), torch.ones_like(masks)
    apart[:, UPPER, 18:] = 0.0
    for case in (apart, whole, torch.zeros_like(masks)):
        assert BiharmonicFill()(image, case, torch.tensor([K])).isfinite().all()

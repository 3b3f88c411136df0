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
from torch import Tensor, nn

from scripts.networks.generator import Generator, SoftTissue


@pytest.fixture(scope="module")
def generator() -> Generator:
    torch.manual_seed(0)
    return Generator(features=(8, 8, 8, 16, 16, 8)).eval()


def picture(seed: int, *shape: int) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def blocks(batch: int = 1, rows: int = 64, columns: int = 64) -> Tensor:
    """Masks whose overlap is the rows from 24 to 39."""
    masks = torch.zeros(batch, 2, rows, columns)
    masks[:, 0, 24:] = 1.0
    masks[:, 1, :40] = 1.0
    return masks


class Ramp(nn.Module):
    """Paints ``x`` + 1 growing from the uppermost row to the lowest, whatever it sees."""

    def forward(self, seen: Tensor) -> Tensor:
        rows = torch.linspace(-2.0, 2.0, seen.shape[2])[:, None]
        return (rows + 1.0).expand(seen.shape[0], 1, *seen.shape[2:])


def test_ratio_and_soft_tissue_are_shares_and_gray_levels(generator: Generator) -> None:
    ratio, k = generator(picture(0, 3, 1, 64, 128), blocks(3, 64, 128))
    assert ratio.shape == (3, 1, 64, 128)
    assert k.shape == (3, 1, 1, 1)
    for answer in (ratio, k):
        assert answer.min() > 0
        assert answer.max() < 1


def test_the_soft_tissue_is_what_is_painted_in_the_overlap_averaged() -> None:
    soft_tissue = SoftTissue()
    soft_tissue.unet = Ramp()  # type: ignore[assignment]
    k = soft_tissue(picture(0, 1, 1, 64, 64), blocks())
    # Rows 24..39 are rows 6..9 at a quarter of the resolution.
    painted = torch.sigmoid(torch.linspace(-2.0, 2.0, 16))[6:10]
    assert k.item() == pytest.approx(painted.mean().item(), abs=1e-4)
    lower_down = torch.zeros(1, 2, 64, 64)
    lower_down[:, :, 48:] = 1.0
    assert soft_tissue(picture(0, 1, 1, 64, 64), lower_down).item() > k.item() + 0.2


def test_without_an_overlap_the_soft_tissue_is_the_whole_regions() -> None:
    soft_tissue = SoftTissue()
    soft_tissue.unet = Ramp()  # type: ignore[assignment]
    k = soft_tissue(picture(0, 1, 1, 64, 64), torch.zeros(1, 2, 64, 64))
    assert k.item() == pytest.approx(0.5, abs=1e-3)


def test_a_soft_tissue_that_is_given_is_used_and_comes_back(generator: Generator) -> None:
    image, masks = picture(0, 1, 1, 64, 64), blocks()
    given = torch.full((1, 1, 1, 1), 0.3)
    ratio, k = generator(image, masks, given)
    assert torch.equal(k, given)
    assert not torch.allclose(ratio, generator(image, masks, torch.full((1, 1, 1, 1), 0.1))[0])
    estimated = generator(image, masks)[1]
    assert torch.equal(generator(image, masks)[0], generator(image, masks, estimated)[0])


@pytest.mark.parametrize("gray", [0.0, 1.0])
def test_black_and_white_images_and_empty_masks_make_no_nan(generator: Generator, gray: float) -> None:
    for masks in (torch.zeros(1, 2, 64, 64), torch.ones(1, 2, 64, 64)):
        ratio, k = generator(torch.full((1, 1, 64, 64), gray), masks)
        assert ratio.isfinite().all()
        assert k.isfinite().all()


def test_a_joint_is_answered_the_same_in_a_batch_and_alone(generator: Generator) -> None:
    image, masks = picture(0, 3, 1, 64, 64), blocks(3)
    masks[1] = 0.0
    ratio, k = generator(image, masks)
    for at in range(3):
        ratio_alone, k_alone = generator(image[at : at + 1], masks[at : at + 1])
        assert torch.allclose(ratio[at : at + 1], ratio_alone, atol=1e-5)
        assert torch.allclose(k[at : at + 1], k_alone, atol=1e-5)


def test_lower_and_upper_mask_are_told_apart(generator: Generator) -> None:
    image, masks = picture(0, 1, 1, 64, 64), blocks()
    assert not torch.allclose(generator(image, masks)[0], generator(image, masks.flip(1))[0], atol=1e-4)

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

from scripts.networks.generator import Generator


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


def test_ratio_and_soft_tissue_are_shares_and_gray_levels(generator: Generator) -> None:
    ratio, k = generator(picture(0, 3, 1, 64, 128), blocks(3, 64, 128))
    assert ratio.shape == (3, 1, 64, 128)
    assert k.shape == (3, 1, 1, 1)
    for answer in (ratio, k):
        assert answer.min() > 0
        assert answer.max() < 1


def test_a_soft_tissue_that_the_picture_allows_is_used_and_comes_back(generator: Generator) -> None:
    image, masks = picture(0, 1, 1, 64, 64), blocks()
    estimated = generator(image, masks)[1]
    given = 1.05 * estimated
    ratio, k = generator(image, masks, given)
    assert torch.equal(k, given)
    assert not torch.equal(ratio, generator(image, masks)[0])
    assert torch.equal(generator(image, masks, estimated)[0], generator(image, masks)[0])


def test_a_soft_tissue_that_contradicts_the_picture_is_brought_nearer(generator: Generator) -> None:
    image, masks = picture(0, 1, 1, 64, 64), blocks()
    estimated = generator(image, masks)[1]
    trust = generator.reconstructor.trust
    for given, kept in ((2.0, 1.0 + trust), (0.1, 1.0 - trust)):
        assert torch.allclose(generator(image, masks, given * estimated)[1], kept * estimated)


def test_only_a_band_around_the_overlap_is_looked_at_and_each_image_has_its_own() -> None:
    torch.manual_seed(0)
    generator = Generator(features=(8, 8, 8, 16, 16, 8), rows=64).eval()
    image, masks = picture(0, 2, 1, 192, 64), torch.zeros(2, 2, 192, 64)
    masks[0, :, 40:50], masks[1, :, 140:150] = 1.0, 1.0
    ratio, k = generator(image, masks)
    assert (ratio[0, 0, 13:77] != 0.5).all()
    assert (ratio[0, 0, 77:] == 0.5).all()
    assert (ratio[1, 0, 113:177] != 0.5).all()
    assert (ratio[1, 0, :113] == 0.5).all()
    assert torch.allclose(
        ratio[:1, :, 13:77], generator.ratio(image[:1, :, 13:77], masks[:1, :, 13:77], k[:1]), atol=1e-5
    )


def test_an_overlap_too_tall_for_the_band_is_looked_at_whole() -> None:
    torch.manual_seed(0)
    generator = Generator(features=(8, 8, 8, 16, 16, 8), rows=64).eval()
    masks = torch.zeros(1, 2, 192, 64)
    masks[:, :, 30:160] = 1.0
    ratio, k = generator(picture(0, 1, 1, 192, 64), masks)
    assert torch.equal(ratio, generator.ratio(picture(0, 1, 1, 192, 64), masks, k))


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

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
from scripts.physics import attenuation, gray_level, overlap_of


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


def mean_in_overlap(soft_tissue: Tensor, masks: Tensor) -> Tensor:
    """k as the field of soft tissue has it: gray level of its mean attenuation in the overlap, (B,)."""
    both = overlap_of(masks)
    return torch.stack([gray_level(attenuation(x)[there].mean()) for x, there in zip(soft_tissue, both, strict=True)])


def test_ratio_and_soft_tissue_are_shares_and_gray_levels(generator: Generator) -> None:
    ratio, tissue = generator(picture(0, 3, 1, 64, 128), blocks(3, 64, 128))
    assert ratio.shape == tissue.shape == (3, 1, 64, 128)
    for answer in (ratio, tissue):
        assert answer.min() > 0
        assert answer.max() < 1


def test_the_mean_of_the_soft_tissue_in_the_overlap_is_the_estimated_k(generator: Generator) -> None:
    image, masks = picture(0, 3, 1, 64, 128), blocks(3, 64, 128)
    k = generator.reconstructor(image, masks)
    assert torch.allclose(mean_in_overlap(generator(image, masks)[1], masks), k.flatten(), atol=1e-5)


def test_a_soft_tissue_that_the_picture_allows_is_used_and_comes_back(generator: Generator) -> None:
    image, masks = picture(0, 1, 1, 64, 64), blocks()
    estimated = generator.reconstructor(image, masks)
    given = 1.05 * estimated
    ratio, tissue = generator(image, masks, given)
    assert torch.allclose(mean_in_overlap(tissue, masks), given.flatten(), atol=1e-5)
    assert not torch.equal(ratio, generator(image, masks)[0])
    assert torch.equal(generator(image, masks, estimated)[0], generator(image, masks)[0])


def test_a_soft_tissue_that_contradicts_the_picture_is_brought_nearer(generator: Generator) -> None:
    image, masks = picture(0, 1, 1, 64, 64), blocks()
    estimated = generator.reconstructor(image, masks)
    trust = generator.reconstructor.trust
    for given, kept in ((2.0, 1.0 + trust), (0.1, 1.0 - trust)):
        tissue = generator(image, masks, given * estimated)[1]
        assert torch.allclose(mean_in_overlap(tissue, masks), kept * estimated.flatten(), atol=1e-5)


def test_only_a_band_around_the_zone_is_looked_at_and_each_image_has_its_own() -> None:
    torch.manual_seed(0)
    generator = Generator(features=(8, 8, 8, 16, 16, 8), rows=64).eval()
    image, masks = picture(0, 2, 1, 192, 64), torch.zeros(2, 2, 192, 64)
    masks[0, :, 40:50], masks[1, :, 140:150] = 1.0, 1.0
    ratio, tissue = generator(image, masks)
    assert (ratio[0, 0, 13:77] != 0.5).all()
    assert (ratio[0, 0, 77:] == 0.5).all()
    assert (ratio[1, 0, 113:177] != 0.5).all()
    assert (ratio[1, 0, :113] == 0.5).all()
    band = generator.ratio(*(x[:1, :, 13:77] for x in (image, masks, tissue)))
    assert torch.allclose(ratio[:1, :, 13:77], band, atol=1e-5)


def test_a_zone_too_tall_for_the_band_is_looked_at_whole() -> None:
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

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
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from scripts.physics import (
    LOWER,
    OPAQUE,
    UPPER,
    attenuation,
    cut_out,
    gray_level,
    grow,
    label_map,
    overlap_of,
    recompose,
    rim_px,
    split,
    split_levels,
    tissue_behind,
    zone_of,
)

unit = st.floats(0.0, 1.0)


def picture(seed: int, channels: int = 1, dtype: torch.dtype = torch.float64) -> Tensor:
    """Random gray levels (2, channels, 6, 7), a tenth of them black and a tenth white."""
    stretched = torch.rand((2, channels, 6, 7), generator=torch.Generator().manual_seed(seed), dtype=dtype)
    return (stretched * 1.25 - 0.125).clamp(0.0, 1.0)


def random_masks(seed: int) -> Tensor:
    """Random masks (2, 2, 6, 7) with all four cases: no bone, one, the other, both."""
    masks = picture(seed, channels=2) > 0.4
    masks[..., 0, :4] = torch.tensor([[False, True, False, True], [False, False, True, True]])
    return masks


def per_image(values: tuple[float, float]) -> Tensor:
    return torch.tensor(values, dtype=torch.float64).reshape(2, 1, 1, 1)


def test_gray_level_undoes_attenuation_at_every_level_of_16_bits() -> None:
    stored = torch.arange(65535)
    back = gray_level(attenuation(stored / 65535.0))
    assert torch.equal((back * 65535).round().long(), stored)


def test_white_has_a_finite_attenuation_less_than_a_level_of_16_bits_darker() -> None:
    white = attenuation(torch.ones(1))
    assert white.isfinite().all()
    assert 65534 < (gray_level(white) * 65535).item() < 65535


def test_attenuation_grows_with_brightness_and_nothing_absorbs_nothing() -> None:
    assert attenuation(torch.zeros(1)).item() == 0.0
    assert (attenuation(torch.linspace(0, OPAQUE, 1000, dtype=torch.float64)).diff() > 0).all()
    assert attenuation(torch.tensor(0.5)).item() == pytest.approx(0.6931, abs=1e-4)


reaches = st.integers(0, 2)


@given(seed=st.integers(0, 10_000), k=st.tuples(unit, unit), reach=reaches)
def test_a_split_recomposes_everywhere_whatever_ratio_and_soft_tissue_are(
    seed: int, k: tuple[float, float], reach: int
) -> None:
    image, ratio, masks = picture(seed), picture(seed + 1), random_masks(seed + 2)
    tissue = tissue_behind(image, per_image(k), masks, reach)
    error = (recompose(split(image, ratio, tissue, masks, reach), tissue) - image).abs()
    # White is read as OPAQUE, which is 1e-5 darker.
    assert error.max() <= 1.001e-5


@given(seed=st.integers(0, 10_000), k=st.tuples(st.floats(0.0, 0.95), st.floats(0.0, 0.95)), reach=reaches)
def test_a_split_recomposes_in_single_precision(seed: int, k: tuple[float, float], reach: int) -> None:
    image, ratio, masks = picture(seed).float(), picture(seed + 1).float(), random_masks(seed + 2)
    soft = per_image(k).float()
    error = (recompose(split(image, ratio, soft, masks, reach), soft) - image).abs()
    assert error[grow(masks, reach).any(dim=1, keepdim=True)].max() < 2e-5


@given(seed=st.integers(0, 10_000), k=st.tuples(unit, unit), reach=reaches)
def test_where_a_bone_is_alone_its_layer_is_the_image_bit_for_bit_and_the_other_one_the_soft_tissue(
    seed: int, k: tuple[float, float], reach: int
) -> None:
    image, masks = picture(seed).float(), random_masks(seed + 2)
    soft = per_image(k).float()
    layers = split(image, picture(seed + 1).float(), soft, masks, reach)
    grown = grow(masks, reach)
    alone = grown & ~grown.all(dim=1, keepdim=True)
    assert torch.equal(layers[alone], image.expand_as(layers)[alone])
    assert torch.allclose(layers[alone.flip(1)], soft.expand_as(layers)[alone.flip(1)], atol=1.1e-5)
    neither = ~grown.any(dim=1, keepdim=True).expand_as(layers)
    assert torch.equal(layers[neither], image.expand_as(layers)[neither])


def test_masks_grow_by_as_many_pixels_as_asked_in_every_direction_and_less_across_corners() -> None:
    masks = torch.zeros(1, 2, 31, 31)
    masks[0, LOWER, 15, 15] = 1.0
    grown = grow(masks, 6)[0]
    assert not grown[UPPER].any()
    rows, columns = torch.nonzero(grown[LOWER]).T - 15
    assert (rows.abs().max(), columns.abs().max()) == (6, 6)
    away = torch.sqrt((rows.square() + columns.square()).double())
    assert away.max() < 6.8
    assert torch.equal(grow(masks, 0), masks > 0.5)


def test_masks_at_the_pictures_edge_grow_along_it_and_do_not_come_back_on_the_other_side() -> None:
    masks = torch.zeros(1, 2, 20, 20)
    masks[0, LOWER, 0] = 1.0
    assert torch.equal(grow(masks, 3)[0, LOWER].any(dim=1), torch.arange(20) <= 3)


def test_the_zone_is_where_both_grown_masks_meet() -> None:
    masks = torch.zeros(1, 2, 40, 8)
    masks[0, UPPER, :18] = 1.0
    masks[0, LOWER, 20:] = 1.0
    assert not overlap_of(masks).any()
    assert torch.equal(zone_of(masks, 6)[0, 0].all(dim=1), (torch.arange(40) >= 14) & (torch.arange(40) <= 23))


def test_a_cut_out_layer_keeps_its_rim_and_is_zero_around_it() -> None:
    masks, layers = random_masks(3), picture(4, channels=2)
    cut = cut_out(layers, masks, 1)
    grown = grow(masks, 1)
    assert torch.equal(cut[grown], layers[grown])
    assert (cut[~grown] == 0).all()


def test_the_rim_is_as_wide_in_millimetres_whatever_the_pixels() -> None:
    assert [rim_px(side, side) for side in (64, 131, 256, 512, 1024)] == [2, 3, 6, 12, 24]
    assert rim_px(256, 100) == rim_px(100, 256) == 6


@given(seed=st.integers(0, 10_000), k=st.tuples(unit, unit))
def test_layers_are_gray_levels_even_where_the_image_is_darker_than_the_soft_tissue(
    seed: int, k: tuple[float, float]
) -> None:
    layers = split(picture(seed), picture(seed + 1), per_image(k), random_masks(seed))
    assert layers.isfinite().all()
    assert layers.min() >= 0
    assert layers.max() <= 1


def test_the_ratio_is_the_upper_bones_share_and_each_layer_keeps_the_soft_tissue() -> None:
    image, soft = torch.full((1, 1, 1, 1), 0.75), torch.full((1, 1, 1, 1), 0.5)
    masks = torch.ones(1, 2, 1, 1)
    shares = {ratio: split(image, torch.full_like(image, ratio), soft, masks).flatten() for ratio in (0.0, 0.5, 1.0)}
    # 1 - I = 1/4 behind soft tissue of 1 - k = 1/2: the bones let half through.
    assert shares[0.0][LOWER].item() == pytest.approx(0.75)
    assert shares[0.0][UPPER].item() == pytest.approx(0.5)
    assert shares[1.0][LOWER].item() == pytest.approx(0.5)
    assert shares[1.0][UPPER].item() == pytest.approx(0.75)
    assert shares[0.5].tolist() == pytest.approx([1 - 0.5**1.5] * 2)


def test_a_map_of_soft_tissue_is_used_pixel_by_pixel() -> None:
    image, ratio, masks = picture(1), picture(2), torch.ones(2, 2, 6, 7)
    soft = 0.9 * picture(3)
    layers = split(image, ratio, soft, masks)
    one_pixel = split(image, ratio, soft[..., 2:3, 3:4].expand_as(image), masks)
    assert torch.equal(layers[..., 2, 3], one_pixel[..., 2, 3])
    assert not torch.equal(layers[..., 4, 4], one_pixel[..., 4, 4])


def test_masks_may_be_bool_or_float_and_a_half_is_outside() -> None:
    image, ratio, masks, k = picture(1), picture(2), random_masks(3), per_image((0.2, 0.4))
    soft_masks = torch.where(masks, 0.51, 0.5).double()
    assert torch.equal(split(image, ratio, k, masks), split(image, ratio, k, soft_masks))
    assert torch.equal(overlap_of(soft_masks), masks.all(dim=1, keepdim=True))


def test_two_half_transparent_layers_behind_soft_tissue_recompose_by_hand() -> None:
    layers, masks = torch.full((1, 2, 1, 1), 0.5), torch.ones(1, 2, 1, 1)
    assert recompose(layers, torch.tensor(0.0), masks).item() == pytest.approx(0.75)
    assert recompose(layers, torch.tensor(0.5), masks).item() == pytest.approx(0.5)


def test_layers_that_hold_inside_masks_only_are_the_soft_tissue_elsewhere() -> None:
    layers, masks = picture(1, channels=2), random_masks(2)
    k = per_image((0.3, 0.6))
    image = recompose(torch.where(masks, layers, 7.0), k, masks)
    assert torch.allclose(image[~masks.any(dim=1, keepdim=True)], k.expand_as(image)[~masks.any(dim=1, keepdim=True)])
    alone = (masks & ~masks.all(dim=1, keepdim=True)).any(dim=1, keepdim=True)
    assert torch.allclose(image[alone], (layers * masks).sum(dim=1, keepdim=True)[alone])


@given(
    seed=st.integers(0, 10_000),
    bits=st.sampled_from([8, 10, 12, 14, 16]),
    k=unit | st.sampled_from([0.0, 0.5, 1.0]),
    reach=reaches,
)
def test_stored_layers_recompose_the_stored_image_to_one_level_everywhere(
    seed: int, bits: int, k: float, reach: int
) -> None:
    white = 2**bits - 1
    levels = (picture(seed)[0, 0] * white).round().long()
    ratio, masks = picture(seed + 1)[0, 0], random_masks(seed + 2)[0]
    # A field of soft tissue: k, and what a random picture adds to it.
    soft = ((0.8 * k + 0.2 * picture(seed + 3)[0, 0]) * white).round().clamp(max=white - 1).long()
    layers = split_levels(levels, ratio, soft, masks, white, reach)
    assert layers.dtype == torch.int64
    assert layers.min() >= 0
    assert layers.max() <= white
    behind = tissue_behind(levels[None, None], soft[None, None], masks[None], reach)[0, 0].clamp(max=white - 1)
    gray = layers.double() / white
    again = (1.0 - (1.0 - gray[LOWER]) * (1.0 - gray[UPPER]) / (1.0 - behind.double() / white)) * white
    assert (again - levels).abs().max() <= 1.0 + 1e-9
    grown = grow(masks[None], reach)[0]
    alone = grown & ~grown.all(dim=0)
    assert torch.equal(layers[alone], levels.expand(2, -1, -1)[alone])
    assert torch.equal(layers[alone.flip(0)], soft.expand(2, -1, -1)[alone.flip(0)])


def test_every_level_of_8_bits_recomposes_to_one_level_at_every_soft_tissue() -> None:
    levels = torch.arange(256)[:, None].expand(256, 33)
    ratio = torch.linspace(0, 1, 33)[None].expand(256, 33)
    masks = torch.ones(2, 256, 33, dtype=torch.bool)
    for soft in range(256):
        gray = split_levels(levels, ratio, torch.full((256, 33), soft), masks, 255).double() / 255
        again = 1.0 - (1.0 - gray).prod(dim=0) / (1.0 - min(soft, 254) / 255)
        assert (again * 255 - levels).abs().max() <= 1.0 + 1e-9


def test_stored_layers_are_the_split_rounded_to_levels() -> None:
    levels = torch.arange(30, 240)[:, None].expand(210, 33)
    ratio = torch.linspace(0, 1, 33)[None].expand(210, 33).double()
    masks = torch.ones(2, 210, 33, dtype=torch.bool)
    stored = split_levels(levels, ratio, torch.full((210, 33), 26), masks, 255)
    k = torch.tensor(26 / 255, dtype=torch.float64)
    exact = split((levels.double() / 255)[None, None], ratio[None, None], k, masks[None])[0] * 255
    error = (stored - exact).abs()
    # The darker layer is rounded; what that took is given to the brighter one, (1 - bright) / (1 - dark) of it.
    assert torch.where(exact[UPPER] <= exact[LOWER], error[UPPER], error[LOWER]).max() <= 0.5 + 1e-9
    assert error.max() <= 1.0 + 1e-9


def test_the_label_map_tells_both_bones_and_their_overlap_apart() -> None:
    masks = torch.zeros(1, 2, 1, 4)
    masks[0, LOWER, 0] = torch.tensor([0.0, 1.0, 0.0, 1.0])
    masks[0, UPPER, 0] = torch.tensor([0.0, 0.0, 1.0, 1.0])
    labels = label_map(masks)
    assert labels.dtype == torch.uint8
    assert labels.tolist() == [[[[0, 1, 2, 3]]]]
    assert torch.equal(label_map(masks > 0.5), labels)

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


import json
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import torch
from PIL import Image

from scripts.phantoms.joint import Phantom, draw_joint, main
from scripts.physics import LOWER, UPPER, label_map, overlap_of, recompose

SAMPLES = Path(__file__).parents[2] / "samples"


def recomposed(phantom: Phantom) -> torch.Tensor:
    k = torch.full((1, 1, 1, 1), phantom.soft_tissue)
    return recompose(phantom.layers[None], k, phantom.masks[None])[0]


@pytest.fixture(scope="module")
def joint() -> Phantom:
    return draw_joint(1, overlap=8.0)


def test_the_same_seed_draws_the_same_bytes_and_another_seed_another_joint(joint: Phantom) -> None:
    again, other = draw_joint(1, overlap=8.0), draw_joint(2, overlap=8.0)
    for name in ("image", "layers", "masks"):
        assert torch.equal(getattr(joint, name), getattr(again, name))
        assert not torch.equal(getattr(joint, name), getattr(other, name))
    assert joint.soft_tissue == again.soft_tissue


def test_drawing_leaves_the_global_random_state_alone() -> None:
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    draw_joint(5, size=64)
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize("size", [64, 256, (300, 500), (512, 384)])
def test_image_layers_and_masks_have_the_asked_size(size: int | tuple[int, int]) -> None:
    phantom = draw_joint(3, size=size)
    height, width = (size, size) if isinstance(size, int) else size
    assert phantom.image.shape == (1, height, width)
    assert phantom.layers.shape == phantom.masks.shape == (2, height, width)
    assert phantom.image.dtype == phantom.layers.dtype == torch.float32
    assert phantom.masks.dtype == torch.bool
    assert phantom.image.min() >= 0
    assert phantom.image.max() < 1
    assert phantom.spacing * min(height, width) == pytest.approx(23.0)
    assert set(label_map(phantom.masks[None]).unique().tolist()) == {0, 1, 2, 3}


@pytest.mark.parametrize("hand", ["left", "right"])
@pytest.mark.parametrize("noise", [0.0, 0.014, 0.1])
@pytest.mark.parametrize("size", [64, 256, (300, 500)])
def test_the_layers_recompose_the_image_within_float_rounding(
    size: int | tuple[int, int], noise: float, hand: Literal["left", "right"]
) -> None:
    phantom = draw_joint(4, size=size, overlap=12.0, noise=noise, hand=hand)
    inside = phantom.masks.any(dim=0, keepdim=True)
    assert (recomposed(phantom) - phantom.image)[inside].abs().max() < 1e-6


def test_outside_the_overlap_a_layer_is_the_image_bit_for_bit_and_zero_outside_its_mask(joint: Phantom) -> None:
    alone = joint.masks & ~overlap_of(joint.masks[None])[0]
    assert torch.equal(joint.layers[alone], joint.image.expand(2, -1, -1)[alone])
    assert not joint.layers[~joint.masks].any()


def test_in_the_overlap_each_layer_is_darker_than_the_image_and_not_darker_than_soft_tissue() -> None:
    phantom = draw_joint(4, overlap=12.0, noise=0.0)
    both = overlap_of(phantom.masks[None])[0, 0]
    assert (phantom.layers[:, both] <= phantom.image[:, both]).all()
    assert (phantom.layers[:, both] >= phantom.soft_tissue - 1e-6).all()


def test_the_thickest_column_of_the_overlap_is_as_asked_and_the_overlap_grows_with_it() -> None:
    areas = []
    for overlap in (3.0, 6.0, 12.0, 18.0):
        both = draw_joint(7, overlap=overlap).masks.all(dim=0)
        assert both.sum(dim=0).max() == pytest.approx(overlap, abs=1.5)
        areas.append(int(both.sum()))
    assert areas == sorted(areas)
    assert areas[-1] > 3 * areas[0]


def test_a_negative_overlap_leaves_a_gap_of_that_width() -> None:
    phantom = draw_joint(8, overlap=-8.0)
    assert not phantom.masks.all(dim=0).any()
    rows = torch.arange(256)[:, None]
    end_of_upper = (rows * phantom.masks[UPPER]).amax(dim=0)
    start_of_lower = torch.where(phantom.masks[LOWER], rows, 256).amin(dim=0)
    facing = phantom.masks.any(dim=1).all(dim=0)
    assert (start_of_lower - end_of_upper - 1)[facing].min() == pytest.approx(8, abs=1.5)
    assert 0.15 < phantom.soft_tissue < 0.35


def test_the_two_hands_of_a_seed_are_mirror_images_but_for_small_differences() -> None:
    left, right = (draw_joint(9, hand=hand, noise=0.0) for hand in ("left", "right"))
    mirrored = left.masks.flip(-1)
    common, either = mirrored & right.masks, mirrored | right.masks
    assert (common.sum((1, 2)) / either.sum((1, 2)) > 0.93).all()
    assert not torch.equal(mirrored, right.masks)


def test_the_upper_bone_comes_from_the_top_edge_and_the_lower_bone_from_the_bottom_edge() -> None:
    for seed in range(10, 14):
        masks = draw_joint(seed).masks
        assert masks[UPPER, 0].any()
        assert masks[LOWER, -1].any()
        assert not masks[UPPER, -1].any()
        assert not masks[LOWER, 0].any()
        assert 140 <= masks.sum(dim=2).amax() <= 195


def test_gray_levels_are_those_of_hand_radiographs() -> None:
    bone, soft, overlap, k, air = [], [], [], [], []
    for seed in range(20, 26):
        phantom = draw_joint(seed, overlap=10.0)
        image, labels = phantom.image[0] * 255, label_map(phantom.masks[None])[0, 0]
        bone.append(image[(labels == 1) | (labels == 2)].median())
        soft.append(image[labels == 0].median())
        overlap.append(image[labels == 3].median())
        air.append(image.quantile(0.002))
        k.append(phantom.soft_tissue * 255)
    assert 125 < np.median(bone) < 150
    assert 60 < np.median(soft) < 85
    assert 145 < np.median(overlap) < 190
    assert 55 < np.median(k) < 72
    assert np.median(air) < 30


def test_bone_thins_to_soft_tissue_at_its_outline() -> None:
    phantom = draw_joint(11, overlap=-10.0, noise=0.0)
    inside = torch.nn.functional.avg_pool2d(phantom.masks.float(), 3, 1, 1)
    rim = phantom.masks & (inside < 1)
    core = torch.nn.functional.avg_pool2d(phantom.masks.float(), 17, 1, 8) == 1
    image = phantom.image.expand(2, -1, -1)
    assert image[rim].median() < 0.75 * image[core].median()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"size": 63}, "size: expected 64 to 1024 px a side, got 63x63 px"),
        ({"size": (256, 1025)}, "size: expected 64 to 1024 px a side, got 256x1025 px"),
        ({"hand": "both"}, "hand: expected 'left' or 'right', got 'both'"),
        ({"overlap": 60.0}, "overlap: expected -40 to 40, got 60.0"),
        ({"noise": -0.1}, "noise: expected 0 to 0.2, got -0.1"),
    ],
)
def test_an_argument_outside_its_range_is_refused_by_name(arguments: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message.replace("(", r"\(")):
        draw_joint(0, **arguments)


def test_the_command_writes_images_masks_and_the_truth(tmp_path: Path) -> None:
    main(str(tmp_path), count=2, seed=3, size=64, overlap=20)
    names = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.*")}
    for stem in ("joint_003_left", "joint_004_right"):
        beside = {f"{stem}.png", f"{stem}_mask_upper.png", f"{stem}_mask_lower.png"}
        truth = {f"truth/{stem}_layer_upper.png", f"truth/{stem}_layer_lower.png", f"truth/{stem}.json"}
        assert beside | truth <= names
    assert len(names) == 12
    mask = np.asarray(Image.open(tmp_path / "joint_003_left_mask_upper.png"))
    assert mask.dtype == np.uint8
    assert set(np.unique(mask)) == {0, 255}
    expected = draw_joint(3, size=64, overlap=20, hand="left")
    image = np.asarray(Image.open(tmp_path / "joint_003_left.png"))
    assert np.array_equal(image, (expected.image[0].double() * 255).round().numpy())
    figures = json.loads((tmp_path / "truth/joint_003_left.json").read_text())
    assert figures == {"soft_tissue": round(expected.soft_tissue, 5), "spacing": round(23 / 64, 5)}


def test_the_command_writes_16_bits_and_keeps_masks_with_the_truth(tmp_path: Path) -> None:
    main(str(tmp_path), count=1, size=(96, 64), bits=16, masks=False)
    image = Image.open(tmp_path / "joint_000_right.png")
    assert image.size == (64, 96)
    assert np.asarray(image).max() > 255
    assert {path.name for path in tmp_path.glob("*.*")} == {"joint_000_right.png"}
    assert (tmp_path / "truth/joint_000_right_mask_lower.png").is_file()


def test_overlaps_that_the_command_draws_by_itself_differ_from_joint_to_joint(tmp_path: Path) -> None:
    main(str(tmp_path), count=3, size=128)
    areas = set()
    for path in tmp_path.glob("*_mask_upper.png"):
        lower = path.with_name(path.name.replace("upper", "lower"))
        areas.add(int((np.asarray(Image.open(path)) & np.asarray(Image.open(lower))).astype(bool).sum()))
    assert len(areas) == 3


@pytest.mark.parametrize(
    ("name", "size", "bits"),
    [("joint_002_right", 256, 8), ("joint_007_left", 256, 8), ("joint_102_right", (512, 384), 16)],
)
def test_the_samples_are_what_their_readme_says(tmp_path: Path, name: str, size: int | tuple, bits: int) -> None:
    main(str(tmp_path), count=1, seed=int(name.split("_")[1]), size=size, bits=bits)
    sample, drawn = (np.asarray(Image.open(folder / f"{name}.png")) for folder in (SAMPLES, tmp_path))
    assert sample.dtype == drawn.dtype
    # One 8-bit level of difference is allowed for: other processors round differently.
    assert np.abs(sample.astype(int) - drawn).max() <= 2 ** (bits - 8)


def test_another_exposure_of_a_joint_has_the_same_bones_and_noise_of_its_own():
    first, again, second = (draw_joint(3, size=100, exposure=number) for number in (0, 0, 1))
    assert torch.equal(first.image, again.image)
    assert torch.equal(first.masks, second.masks)
    apart = (first.image - second.image)[0]
    assert 0.005 < float(apart.std()) < 0.05
    assert abs(float(apart.mean())) < 0.001

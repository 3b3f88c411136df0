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

from scripts.networks.segmenter import Segmenter


@pytest.fixture(scope="module")
def segmenter() -> Segmenter:
    torch.manual_seed(0)
    return Segmenter(features=(8, 8, 8, 16, 16, 8)).eval()


def picture(seed: int, *shape: int) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("shape", [(64, 64), (96, 160), (256, 32)])
def test_there_is_one_logit_a_bone_and_pixel(segmenter: Segmenter, shape: tuple[int, int]) -> None:
    logits = segmenter(picture(0, 3, 1, *shape))
    assert logits.shape == (3, 2, *shape)
    assert logits.isfinite().all()


def test_exposure_and_window_do_not_change_the_answer(segmenter: Segmenter) -> None:
    image = picture(0, 2, 1, 64, 64)
    other = torch.stack([0.5 * image[0] + 0.1, 0.25 * image[1]])
    assert torch.allclose(segmenter(other), segmenter(image), atol=1e-4)


def test_a_constant_image_has_a_finite_answer(segmenter: Segmenter) -> None:
    for gray in (0.0, 0.5, 1.0):
        assert segmenter(torch.full((1, 1, 64, 64), gray)).isfinite().all()


def test_an_image_is_answered_the_same_in_a_batch_and_alone(segmenter: Segmenter) -> None:
    images = picture(0, 4, 1, 64, 96) * torch.tensor([0.1, 0.4, 0.7, 1.0]).reshape(4, 1, 1, 1)
    alone = torch.cat([segmenter(image[None]) for image in images])
    assert torch.allclose(segmenter(images), alone, atol=1e-5)


def test_a_pixels_answer_lies_where_the_pixel_is() -> None:
    segmenter = Segmenter(features=(8, 8, 8, 8, 8, 8), hints=0).eval()
    # Folding and unfolding alone: a network that hands its first four channels on, twice.
    hand_on = torch.nn.Conv2d(4, 8, 1, bias=False)
    hand_on.weight.data[:] = torch.eye(4).repeat(2, 1)[:, :, None, None]
    segmenter.unet = hand_on  # type: ignore[assignment]
    image = picture(0, 1, 1, 64, 64)
    expected = (image - image.mean()) / image.std(correction=0)
    assert torch.allclose(segmenter(image), expected.expand(1, 2, 64, 64), atol=1e-5)


def test_a_training_starts_from_the_answer_of_the_blocks() -> None:
    segmenter = Segmenter(features=(8, 8, 8, 8, 8, 8)).eval()
    image = picture(2, 2, 1, 64, 64)
    blocks = segmenter.unfold(segmenter.unet(segmenter.fold(segmenter.normalise(image))))[:, :2]
    assert torch.equal(segmenter(image), blocks)


def test_the_last_layers_tell_the_pixels_of_a_block_apart(segmenter: Segmenter) -> None:
    torch.manual_seed(1)
    for name, weights in segmenter.refine.named_parameters():
        torch.nn.init.normal_(weights, std=0.3) if name.startswith("2") else None
    image = picture(3, 1, 1, 64, 64)
    other = image.clone()
    other[..., 30, 31] += 0.5
    blocks = segmenter.unfold(segmenter.unet(segmenter.fold(segmenter.normalise(image))))
    seen = [torch.cat([blocks, segmenter.normalise(x)], dim=1) for x in (image, other)]
    moved = (segmenter.refine(seen[0]) - segmenter.refine(seen[1])).abs().amax(dim=1)[0]
    # Two layers of 3x3 px reach two pixels to each side, not as far as a block would.
    far = torch.ones_like(moved, dtype=torch.bool)
    far[28:33, 29:34] = False
    assert moved[30, 31] > 1e-3
    assert moved[far].max() < 0.5 * moved.max()

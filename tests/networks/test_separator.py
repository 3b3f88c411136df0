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


from typing import Any

import pytest
import torch
from torch import Tensor, nn

from scripts.networks.separator import CHANNELS, Separator
from scripts.networks.view import turned_view
from scripts.phantoms.joint import draw_joint
from scripts.physics import grow, overlap_of, recompose, rim_px

SMALL: dict[str, Any] = {
    "segmenter": {"features": (8, 8, 8, 16, 16, 8)},
    "generator": {"features": (8, 8, 8, 16, 16, 8)},
}
SIZES = [(64, 64), (65, 97), (101, 77), (128, 128), (64, 1024), (1024, 64), (300, 500)]


@pytest.fixture(scope="module")
def separator() -> Separator:
    """A small one with random weights, its normalisation settled on drawn joints so that its masks are not empty."""
    torch.manual_seed(0)
    network = Separator(grid=128, **SMALL)
    drawn = torch.stack([draw_joint(seed, size=128).image for seed in (1, 2)])
    with torch.no_grad():
        for _ in range(20):
            network(drawn)
    return network.eval()


def picture(seed: int, *shape: int) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def blocks(batch: int, rows: int, columns: int) -> Tensor:
    """Masks that overlap between two fifths and three fifths of the height, on the left four fifths of the width."""
    masks = torch.zeros(batch, 2, rows, columns)
    masks[:, 0, 2 * rows // 5 :, : 4 * columns // 5] = 1.0
    masks[:, 1, : 3 * rows // 5, : 4 * columns // 5] = 1.0
    return masks


@pytest.mark.parametrize("size", SIZES)
@torch.no_grad()
def test_a_region_of_any_size_is_answered_on_its_own_grid(separator: Separator, size: tuple[int, int]) -> None:
    for masks in (None, blocks(2, *size)):
        pred = separator(picture(0, 2, 1, *size), masks)
        assert pred.shape == (2, len(CHANNELS), *size)
        assert pred.isfinite().all()
        assert pred.min() >= 0
        assert pred.max() <= 1


@torch.no_grad()
def test_the_networks_see_the_long_side_at_the_grid() -> None:
    separator = Separator()
    assert separator.seen_size(256, 256) == (256, 256)
    assert separator.seen_size(300, 500) == (154, 256)
    assert separator.seen_size(1024, 64) == (256, 16)
    assert separator.seen_size(64, 64) == (256, 256)


class Copying(nn.Module):
    """In the place of a generator: the ratio is the image that it sees."""

    def forward(self, image: Tensor, masks: Tensor, soft_tissue: Tensor | None) -> tuple[Tensor, Tensor]:
        return image, image.mean(dim=(1, 2, 3), keepdim=True)


@pytest.mark.parametrize("size", [(128, 128), (300, 500), (500, 300), (64, 200), (65, 97)])
@torch.no_grad()
def test_what_the_networks_answer_for_a_place_comes_back_to_that_place(size: tuple[int, int]) -> None:
    network = Separator(grid=128, **SMALL).eval()
    network.generator = Copying()  # type: ignore[assignment]
    rows, columns = (torch.linspace(0, 1, side) for side in size)
    image = (0.2 + 0.3 * rows[:, None] + 0.4 * columns.square())[None, None]
    ratio = network(image, blocks(1, *size))[:, 4:5]
    # Resampling to the grid and back may cost half a pixel of the grid at the border.
    assert (ratio - image).abs().max() < 0.01


@pytest.mark.parametrize("grid", [0, 32, 96, 100, -64])
def test_a_grid_that_is_no_multiple_of_64_is_refused(grid: int) -> None:
    with pytest.raises(ValueError, match=f"grid: expected a multiple of 64 px, got {grid}"):
        Separator(grid=grid)


@pytest.mark.parametrize("size", [(128, 128), (90, 70)])
@torch.no_grad()
def test_a_region_is_answered_the_same_in_a_batch_and_alone(separator: Separator, size: tuple[int, int]) -> None:
    images, masks = picture(0, 3, 1, *size), blocks(3, *size)
    masks[1] = masks[1].roll(7, dims=-1)
    for given in (None, masks):
        together = separator(images, given)
        alone = [separator(images[at : at + 1], None if given is None else given[at : at + 1]) for at in range(3)]
        assert torch.allclose(together, torch.cat(alone), atol=1e-5)


@pytest.mark.parametrize("size", [(128, 128), (300, 500), (65, 97)])
@torch.no_grad()
def test_given_masks_come_back_as_they_were(separator: Separator, size: tuple[int, int]) -> None:
    image, masks = picture(0, 1, 1, *size), (picture(1, 1, 2, *size) > 0.5)
    assert torch.equal(separator(image, masks)[:, 2:4], masks.float())
    assert torch.equal(separator(image, masks), separator(image, masks.float()))
    assert torch.equal(separator(image, masks), separator(image, masks=masks.double()))


@pytest.mark.parametrize("size", [(128, 128), (300, 500), (65, 97)])
@torch.no_grad()
def test_predicted_masks_given_back_unchanged_give_unchanged_layers(
    separator: Separator, size: tuple[int, int]
) -> None:
    image = draw_joint(3, size=size, overlap=12.0).image[None] if min(size) > 65 else picture(0, 1, 1, *size)
    pred = separator(image)
    predicted = pred[:, 2:4] > 0.5
    assert 0 < overlap_of(predicted).float().mean() < 1
    for masks in (predicted, pred[:, 2:4]):
        again = separator(image, masks)
        assert torch.equal(pred[:, :2], again[:, :2])
        assert torch.equal(pred[:, 4:], again[:, 4:])


@torch.no_grad()
def test_a_proposal_is_what_the_separator_splits_along(separator: Separator) -> None:
    image = picture(0, 2, 1, 90, 130)
    assert torch.equal(separator.propose(image), separator(image)[:, 2:4])


@pytest.mark.parametrize("size", [(300, 500), (64, 64), (128, 128), (513, 301)])
@torch.no_grad()
def test_where_a_bone_is_alone_its_layer_is_the_image_at_the_images_own_resolution(
    separator: Separator, size: tuple[int, int]
) -> None:
    image, masks = picture(0, 1, 1, *size), blocks(1, *size) > 0.5
    pred = separator(image, masks)
    grown = grow(masks, rim_px(*size))
    alone = (grown & ~grown.all(dim=1, keepdim=True)) | ~grown.any(dim=1, keepdim=True)
    assert torch.equal(pred[:, :2][alone], image.expand(-1, 2, -1, -1)[alone])
    around = ~grown.any(dim=1, keepdim=True)
    assert torch.equal(pred[:, 5:6][around], image[around])


@pytest.mark.parametrize("size", [(300, 500), (64, 64), (128, 128)])
@torch.no_grad()
def test_the_layers_recompose_every_pixel_of_the_image(separator: Separator, size: tuple[int, int]) -> None:
    image = picture(0, 1, 1, *size)
    for masks in (None, blocks(1, *size)):
        pred = separator(image, masks)
        assert (recompose(pred[:, :2], pred[:, 5:6]) - image).abs().max() < 2e-5


@torch.no_grad()
def test_the_soft_tissue_that_is_given_is_used_image_by_image(separator: Separator) -> None:
    image, masks = picture(0, 1, 1, 100, 80).expand(2, -1, -1, -1), blocks(2, 100, 80)
    both = overlap_of(masks[:1])[0, 0]
    estimated = separator(image[:1], masks[:1])[0, 5][both].mean()
    pred = separator(image, masks, estimated * torch.tensor([0.96, 1.04]))
    # The field of soft tissue comes back from the networks' grid.
    for at, factor in enumerate((0.96, 1.04)):
        assert pred[at, 5][both].mean().item() == pytest.approx(factor * estimated.item(), rel=2e-3)
    assert not torch.equal(pred[0, :2], pred[1, :2])


@torch.no_grad()
def test_masks_of_one_bone_or_none_make_no_nan(separator: Separator) -> None:
    image = picture(0, 4, 1, 90, 64)
    masks = torch.zeros(4, 2, 90, 64)
    masks[1, 0] = masks[2, 1] = 1.0
    masks[3] = 1.0
    pred = separator(image, masks)
    assert pred.isfinite().all()
    assert torch.equal(pred[0, :2], image[0].expand(2, -1, -1))
    assert torch.equal(pred[1, 0], image[1, 0])
    assert torch.equal(pred[2, 1], image[2, 0])


@pytest.mark.parametrize("gray", [0.0, 1.0])
@torch.no_grad()
def test_a_black_or_a_white_region_makes_no_nan(separator: Separator, gray: float) -> None:
    image = torch.full((1, 1, 80, 80), gray)
    assert separator(image).isfinite().all()
    assert separator(image, torch.ones(1, 2, 80, 80)).isfinite().all()


@pytest.mark.slow
@torch.no_grad()
def test_the_scripted_separator_answers_as_the_separator_does(separator: Separator) -> None:
    scripted = torch.jit.script(separator)
    for size in ((128, 128), (90, 150)):
        image, masks = picture(0, 2, 1, *size), blocks(2, *size)
        k = torch.tensor([0.2, 0.3])
        assert torch.allclose(scripted(image), separator(image), atol=1e-5)
        assert torch.allclose(scripted(image, masks), separator(image, masks), atol=1e-5)
        assert torch.allclose(scripted(image, masks > 0.5, k), separator(image, masks > 0.5, k), atol=1e-5)
        angle = torch.tensor([20.0, -33.0])
        assert torch.allclose(scripted(image, angle=angle), separator(image, angle=angle), atol=1e-4)


@torch.no_grad()
def test_the_example_of_the_docstring_holds(separator: Separator) -> None:
    image = picture(0, 1, 1, 300, 200)
    pred = separator(image)
    corrected = separator(image, masks=pred[:, 2:4] > 0.5)
    assert bool((pred[:, :2] == corrected[:, :2]).all())


@pytest.mark.parametrize("size", [(128, 128), (300, 500), (90, 70)])
@torch.no_grad()
def test_an_angle_of_0_changes_nothing(separator: Separator, size: tuple[int, int]) -> None:
    image, masks, upright = picture(0, 2, 1, *size), blocks(2, *size), torch.zeros(2)
    assert torch.equal(separator(image, angle=upright), separator(image))
    assert torch.equal(separator(image, masks, angle=upright), separator(image, masks))
    assert torch.equal(separator.propose(image, upright), separator.propose(image))


@pytest.mark.parametrize("size", [(128, 128), (300, 500), (90, 70)])
@torch.no_grad()
def test_a_joint_that_leans_is_recomposed_and_its_image_is_not_resampled(
    separator: Separator, size: tuple[int, int]
) -> None:
    image, masks, angle = picture(0, 2, 1, *size), blocks(2, *size) > 0.5, torch.tensor([25.0, -40.0])
    pred = separator(image, masks, angle=angle)
    assert torch.equal(pred[:, 2:4], masks.float())
    reach = grow(masks.float(), rim_px(*size)) > 0.5
    alone = reach & ~reach.all(dim=1, keepdim=True)
    assert torch.equal(pred[:, :2][alone], image.expand(-1, 2, -1, -1)[alone])
    for answer in (pred, separator(image, angle=angle)):
        assert (recompose(answer[:, :2], answer[:, 5:6]) - image).abs().max() < 2e-5
        assert answer.isfinite().all()


@torch.no_grad()
def test_a_turned_joint_has_the_masks_of_the_upright_one_turned(separator: Separator) -> None:
    upright = draw_joint(3, size=128, overlap=12.0).image[None]
    angle = torch.tensor([35.0])
    leaning = turned_view(upright, -angle, 128)
    expected = turned_view(separator.propose(upright), -angle, 128) > 0.5
    found = separator.propose(leaning, angle) > 0.5
    # What the turned picture shows of the upright one's corners are its own borders, repeated.
    y, x = torch.arange(128)[:, None] - 63.5, torch.arange(128) - 63.5
    circle = y.square() + x.square() < 50**2
    assert (found == expected)[:, :, circle].float().mean() > 0.97


@torch.no_grad()
def test_a_ratio_that_is_answered_for_a_place_in_the_view_comes_back_to_that_place() -> None:
    network = Separator(grid=128, **SMALL).eval()
    network.generator = Copying()  # type: ignore[assignment]
    rows, columns = (torch.linspace(0, 1, side) for side in (128, 128))
    image = (0.2 + 0.3 * rows[:, None] + 0.4 * columns.square())[None, None]
    ratio = network(image, blocks(1, 128, 128), angle=torch.tensor([30.0]))[:, 4:5]
    assert (ratio - image)[..., 20:108, 20:108].abs().max() < 0.01

import copy

import pytest
import torch

from scripts.inference.inferer import SeparationInferer
from scripts.networks.separator import CHANNELS, Separator
from scripts.phantoms.joint import draw_joint
from scripts.physics import overlap_of, recompose, split
from scripts.reference.separator import ReferenceSeparator, implied_ratio

SMALL = {"features": (8, 8, 8, 16, 16, 8)}


@pytest.fixture(scope="module")
def separator():
    torch.manual_seed(0)
    return ReferenceSeparator(grid=64, segmenter=SMALL).eval()


@pytest.fixture(scope="module")
def joint():
    """Image (1, 1, 96, 70) and masks (1, 2, 96, 70) with an overlap."""
    phantom = draw_joint(0, size=(96, 70), overlap=16)
    return phantom.image[None], phantom.masks[None]


def test_the_ratio_of_layers_that_were_split_is_the_one_they_were_split_by():
    phantom = draw_joint(1, size=64, overlap=16)
    image, masks = phantom.image[None].double(), phantom.masks[None]
    torch.manual_seed(0)
    ratio, k = torch.rand_like(image), torch.full((1, 1, 1, 1), 0.2, dtype=torch.float64)
    found = implied_ratio(split(image, ratio, k, masks), k, masks)
    both = overlap_of(masks)
    torch.testing.assert_close(found[both], ratio[both])
    assert (found[~both] == 0.5).all()


def test_layers_as_dark_as_the_soft_tissue_share_equally():
    k, masks = torch.full((1, 1, 1, 1), 0.3), torch.ones(1, 2, 1, 3)
    layers = torch.tensor([[[[0.2, 0.2, 0.5]], [[0.3, 0.6, 0.1]]]])
    assert implied_ratio(layers, k, masks).flatten().tolist() == [0.5, 1.0, 0.0]


@torch.inference_mode()
def test_a_region_of_any_size_is_answered_on_its_own_grid_as_the_separator_does(separator, joint):
    image, masks = joint
    for rows, columns in ((96, 70), (64, 128)):
        wide, cut = (x.repeat(2, 1, 1, 2)[:, :, :rows, :columns] for x in (image, masks))
        for given in (None, cut):
            pred = separator(wide, masks=given)
            assert pred.shape == (2, len(CHANNELS), rows, columns)
            assert pred.isfinite().all()
            assert pred.min() >= 0
            assert pred.max() <= 1


@torch.inference_mode()
def test_layers_are_the_generators_own_gray_levels_inside_the_masks_and_soft_tissue_outside(separator, joint):
    image, masks = joint
    pred = separator(image, masks=masks)
    layers = pred[:, :2]
    assert torch.equal(layers[~masks], pred[:, 5:].expand_as(layers)[~masks])
    alone = masks & ~overlap_of(masks)
    assert (layers - image)[alone].abs().max() > 0.01
    assert torch.equal(pred[:, 2:4], masks.float())


@torch.inference_mode()
def test_layers_do_not_recompose_the_image_but_their_ratio_does(separator, joint):
    image, masks = joint
    pred = separator(image, masks=masks)
    both, k = overlap_of(masks), pred[:, 5:]
    assert (recompose(pred[:, :2], k, masks) - image)[both].abs().max() > 0.01
    exact = split(image, pred[:, 4:5], k, masks)
    torch.testing.assert_close(recompose(exact, k, masks)[both], image[both])


@torch.inference_mode()
def test_a_known_soft_tissue_is_handed_on_and_leaves_the_layers_alone(separator, joint):
    image, masks = joint
    estimated, given = separator(image, masks=masks), separator(image, masks=masks, soft_tissue=torch.tensor([0.25]))
    assert (given[:, 5] == 0.25).all()
    assert 0 < estimated[0, 5, 0, 0] < 1
    assert torch.equal(given[:, :2][masks], estimated[:, :2][masks])


@torch.inference_mode()
def test_what_lies_around_the_bones_is_looked_at_unless_it_is_asked_not_to(separator, joint):
    image, masks = joint
    blackened = image * masks.any(dim=1, keepdim=True)
    blind = copy.copy(separator)
    blind.bones_only = True
    # At the networks' own size: resampling would mix what is inside with what is outside, along the outlines.
    square = {"image": image[..., :64, :64], "blackened": blackened[..., :64, :64]}
    cut = masks[..., :64, :64]
    for network, same in ((separator, False), (blind, True)):
        answers = [network(x, masks=cut)[:, :2] for x in square.values()]
        assert torch.equal(*answers) == same


@torch.inference_mode()
def test_masks_are_proposed_as_the_separator_proposes_them(separator, joint):
    image, _ = joint
    ours = Separator(grid=64, segmenter=SMALL).eval()
    ours.segmenter.load_state_dict(separator.segmenter.state_dict())
    assert torch.equal(separator.propose(image), ours.propose(image))
    assert SeparationInferer()(image, separator).shape == (1, 6, 96, 70)


@torch.inference_mode()
def test_a_leaning_joint_is_seen_upright_and_given_masks_come_back(separator, joint):
    image, masks = joint
    angle = torch.tensor([25.0])
    pred = separator(image, masks, angle=angle)
    assert torch.equal(pred[:, 2:4], masks.to(image.dtype))
    assert pred.isfinite().all()
    assert not torch.equal(pred[:, :2], separator(image, masks)[:, :2])

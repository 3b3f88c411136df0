import pytest
import torch

from scripts.evaluation.mask_quality import DRAWN, drawn_joints, held_out_joints, mask_metrics, not_worse
from scripts.networks.separator import Separator
from scripts.physics import LOWER, UPPER


def down(masks: torch.Tensor, by: int) -> torch.Tensor:
    """Masks, moved down by some pixels."""
    return torch.cat([torch.zeros_like(masks[:, :by]), masks[:, : masks.shape[1] - by]], dim=1)


class Shifted(Separator):
    """Proposes masks that it was given, moved down by some pixels."""

    def __init__(self, masks: list[torch.Tensor], by: int = 0) -> None:
        super().__init__()
        self.masks = [down(each, by) for each in masks]

    def propose(self, image):
        return self.masks.pop(0)[None].float()


@pytest.fixture(scope="module")
def joints():
    return list(drawn_joints(DRAWN[:2]))


def test_drawn_joints_are_the_same_every_time(joints):
    again = list(drawn_joints(DRAWN[:2]))
    assert all((one == two).all() for pair in zip(joints, again, strict=True) for one, two in zip(*pair, strict=True))
    assert all(image.shape == (1, 256, 256) and masks.shape == (2, 256, 256) for image, masks in joints)


def test_true_masks_have_a_dice_of_one_and_moved_ones_lose(joints):
    masks = [each for _, each in joints]
    whole = mask_metrics(Shifted(masks), joints)
    assert whole == {"lower": 1.0, "upper": 1.0, "overlap": 1.0, "dice": 1.0}
    moved = mask_metrics(Shifted(masks, 2), joints)
    assert moved["overlap"] < moved["lower"] < 1
    true, made = (torch.cat([each[LOWER] for each in of]) for of in (masks, [down(m, 2) for m in masks]))
    assert moved["lower"] == pytest.approx(float(2 * (true & made).sum() / (true.sum() + made.sum())), abs=2e-3)
    assert moved["dice"] == pytest.approx((moved["lower"] + moved["upper"] + moved["overlap"]) / 3, abs=1e-5)
    assert not_worse(moved, whole)
    assert not_worse(whole, whole)
    assert not not_worse(whole, moved)


def test_no_overlap_anywhere_counts_as_found():
    masks = torch.zeros(2, 64, 64, dtype=torch.bool)
    masks[UPPER, :30], masks[LOWER, 34:] = True, True
    measured = mask_metrics(Shifted([masks]), [(torch.rand(1, 64, 64), masks)])
    assert measured["overlap"] == 1.0


def test_nothing_to_measure_is_refused():
    with pytest.raises(ValueError, match="expected joints to measure masks on, got none"):
        mask_metrics(Separator(), [])


def test_the_test_split_of_a_release_is_measured_on(release):
    found = list(held_out_joints(release))
    assert len(found) == 3
    assert all(image.shape == (1, 128, 128) and masks.dtype == torch.bool for image, masks in found)

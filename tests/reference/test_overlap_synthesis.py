import pytest
import torch

from scripts.datasets.finger_joints import LoadJointd, release_datalist, signed_distance
from scripts.phantoms.joint import draw_joint
from scripts.physics import LOWER, UPPER, recompose
from scripts.reference.overlap_synthesis import ReferenceOverlapSynthesis, dilated, edge_of, moved
from tests.support import stored_vectors

FAULTLESS = {"dilation": 1, "blurred_rim": False, "crop": 0}


@pytest.fixture(scope="module")
def joints():
    """Two drawn joints of 128 px that do not overlap."""
    drawn = [draw_joint(seed, size=128, overlap=-6.0) for seed in (0, 1)]
    image = torch.stack([joint.image for joint in drawn])
    return {
        "image": image,
        "background": torch.stack([torch.full((1, 128, 128), joint.soft_tissue) for joint in drawn]),
        "masks": torch.stack([joint.masks.float() for joint in drawn]),
    }


def compose(joints, down, up, **switches):
    """Both joints' bones moved by ``down`` and ``up``."""
    shifts = {"down": torch.tensor([down, down]), "up": torch.tensor([up, up])}
    return ReferenceOverlapSynthesis(**switches).compose(**joints, **shifts)


def test_a_picture_is_moved_by_whole_pixels_and_leaves_zeros_behind():
    x = torch.arange(1.0, 13.0).reshape(1, 1, 4, 3).repeat(2, 1, 1, 1)
    down, up = moved(x, torch.tensor([1, -2]))
    assert not down[0, 0].any()
    assert torch.equal(down[0, 1:], x[0, 0, :3])
    assert torch.equal(up[0, :2], x[0, 0, 2:])
    assert not up[0, 2:].any()


def test_a_square_of_three_grows_all_around_and_one_of_four_more_to_the_right_and_down():
    point = torch.zeros(1, 1, 9, 9)
    point[..., 4, 4] = 1.0
    assert torch.equal(dilated(point, 1), point)
    for side, reached in ((3, slice(3, 6)), (4, slice(3, 7))):
        grown = torch.zeros(1, 1, 9, 9)
        grown[..., reached, reached] = 1.0
        assert torch.equal(dilated(point, side), grown)


def test_the_edge_of_a_rectangle_is_the_line_along_its_left_and_upper_outside_and_its_right_and_lower_inside():
    mask = torch.zeros(1, 1, 16, 16)
    mask[..., 4:12, 5:10] = 1.0
    edge = edge_of(mask)[0, 0]
    assert edge[6:10].nonzero()[:, 1].unique().tolist() == [4, 9]
    assert edge[:, 7].nonzero().flatten().tolist() == [3, 11]


def test_an_empty_and_a_full_mask_have_no_edge():
    assert not edge_of(torch.zeros(1, 1, 8, 8)).any()
    assert not edge_of(torch.ones(1, 1, 8, 8)).any()


def test_a_slanted_edge_is_found_both_ways():
    rows, columns = torch.meshgrid(torch.arange(16), torch.arange(16), indexing="ij")
    for mask in (rows > columns, rows + columns > 15):
        found = edge_of(mask.float()[None, None])[0, 0, 3:13, 3:13]
        assert found.any(dim=0).all()
        assert found.sum() <= 2 * 10


def test_without_its_faults_the_layers_recompose_the_image_to_one_level(joints):
    made = compose(joints, 6, 7, **FAULTLESS)
    assert torch.equal(made["masks"], made["true_masks"])
    assert made["masks"].prod(dim=1).sum(dim=(1, 2)).min() > 50
    bones = made["masks"].amax(dim=1, keepdim=True)
    error = (recompose(made["layers"], made["soft_tissue"], made["masks"]) * bones - made["image"]).abs()
    assert error.max() * 255 < 1.001


@pytest.mark.parametrize(("fault", "least"), [({"crop": 8}, 4.0), ({"blurred_rim": True}, 8.0)])
def test_the_enlargement_and_the_blurred_rim_each_break_the_recomposition(joints, fault, least):
    made = compose(joints, 6, 7, **{**FAULTLESS, **fault})
    error = (recompose(made["layers"], made["soft_tissue"], made["masks"]) - made["image"]).abs()
    assert (error * made["masks"].amax(dim=1, keepdim=True)).max() * 255 > least


def test_the_bones_move_into_each_other_and_grow_by_the_dilation(joints):
    plain = compose(joints, 6, 7, **FAULTLESS)["masks"]
    expected = torch.zeros_like(plain)
    expected[:, UPPER, 6:] = joints["masks"][:, UPPER, :-6]
    expected[:, LOWER, :-7] = joints["masks"][:, LOWER, 7:]
    assert torch.equal(plain, expected)
    grown = compose(joints, 6, 7, **{**FAULTLESS, "dilation": 3})["masks"]
    # What lies at the border of the picture has moved in, so the border itself is left out.
    assert torch.equal(grown[..., 10:-10, 2:-2], dilated(expected, 3)[..., 10:-10, 2:-2])


def test_the_enlargement_makes_the_bones_larger(joints):
    plain, larger = (compose(joints, 0, 0, **{**FAULTLESS, "crop": crop})["masks"] for crop in (0, 8))
    widest = [masks.sum(dim=3).amax(dim=2) for masks in (plain, larger)]
    torch.testing.assert_close(widest[1], widest[0] * 128 / 112, atol=1.5, rtol=0)


def test_the_soft_tissue_is_the_background_at_the_unmoved_place(joints):
    background = torch.arange(128.0).reshape(1, 1, 128, 1).expand(2, 1, 128, 128) / 255
    made = compose({**joints, "background": background}, 6, 7, **FAULTLESS)
    overlap = made["masks"].prod(dim=1, keepdim=True)
    expected = (background * overlap).sum(dim=(1, 2, 3)) / overlap.sum(dim=(1, 2, 3))
    torch.testing.assert_close(made["soft_tissue"].flatten(), expected)


def test_bones_that_do_not_meet_are_copied_and_have_no_soft_tissue(joints):
    made = compose(joints, 0, 0, **FAULTLESS)
    assert not made["soft_tissue"].any()
    assert ((made["image"] - made["layers"].sum(dim=1, keepdim=True)).abs() * 255).max() < 1.001


def test_shifts_are_drawn_from_both_ends_of_their_range(joints):
    torch.manual_seed(0)
    synthesis = ReferenceOverlapSynthesis(shift=(2, 4), **FAULTLESS)
    tops = [synthesis(joints)["masks"][0, UPPER].any(dim=1).long().argmax().item() for _ in range(40)]
    start = joints["masks"][0, UPPER].any(dim=1).long().argmax().item()
    assert {top - start for top in tops} == {2, 3, 4}


def test_masks_and_distances_to_their_outlines_say_the_same(joints):
    made = []
    distance = torch.stack([signed_distance(masks) for masks in joints["masks"]])
    for given in ({"masks": joints["masks"]}, {"distance": distance}):
        torch.manual_seed(0)
        made.append(
            ReferenceOverlapSynthesis()({"image": joints["image"], "background": joints["background"], **given})
        )
    assert set(made[0]) == {"image", "masks", "true_masks", "layers", "soft_tissue"}
    for name, value in made[0].items():
        assert value.dtype == torch.float32
        assert torch.equal(value, made[1][name])


@pytest.mark.data
def test_the_overlaps_are_those_of_the_stored_vectors():
    stored, facts = stored_vectors.tensors(), stored_vectors.facts()
    found = {
        entry["name"]: entry
        for split in ("train", "validation")
        for entry in release_datalist(stored_vectors.data(), split=split, overlap="nonoverlap")
    }
    names = [case.split("/", 1)[1].removesuffix(".jpg") for case in facts["cases"]]
    loaded = [LoadJointd()(found[name]) for name in names]
    image, background, masks = (
        torch.stack([joint[key] for joint in loaded]) for key in ("image", "background", "masks")
    )
    down, up = (torch.tensor(facts["shift_px"][way]) for way in ("upper_down", "lower_up"))
    made = ReferenceOverlapSynthesis().compose(image, background, masks, down=down, up=up)
    assert torch.equal(made["masks"], stored["masks"])
    overlap = made["masks"].prod(dim=1, keepdim=True)
    assert torch.equal(made["masks"] - overlap, stored["masks_cropping"])
    for ours, theirs in (
        (made["image"], stored["image"]),
        (made["layers"], stored["layers"]),
        (made["image"] * made["masks"], stored["image_cropping"]),
    ):
        # A hundredth of a gray level: the rounding of float32.
        torch.testing.assert_close(ours, theirs, rtol=0, atol=0.01 / 255)

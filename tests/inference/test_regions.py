import numpy as np
import pytest

from scripts.errors import InputError
from scripts.inference.regions import cut_region
from tests.support.regions import located


def test_a_region_has_the_levels_of_its_box_and_the_gray_levels_of_the_window(hand):
    _, radiograph, levels = hand
    [joint] = located(radiograph, (150, 200, 350, 300))
    region = cut_region(radiograph, "hand.dcm", joint, [joint])
    assert (region.levels.numpy() == levels[200:300, 150:350]).all()
    black, white = radiograph.grayscale.black, radiograph.grayscale.white
    expected = ((levels[200:300, 150:350] - black) / (white - black)).clip(0, 1)
    assert region.image[0].numpy() == pytest.approx(expected, abs=1e-6)
    assert region.joint.box == (200, 150, 300, 350)
    assert region.territory.all()
    assert region.extent(100) == {"box": [200, 150, 300, 350], "overlap_mm2": 1.0}


def test_pixels_belong_to_the_joint_that_is_nearest(hand):
    _, radiograph, _ = hand
    joints = located(radiograph, (200, 250), (380, 250), (200, 400))
    regions = [cut_region(radiograph, "hand.dcm", joint, joints) for joint in joints]
    count = np.zeros((500, 600), int)
    for region in regions:
        top, left, bottom, right = region.joint.box
        count[top:bottom, left:right] += region.territory.numpy()
    assert count.max() == 1
    assert count[250, 200] == count[250, 380] == 1
    assert not regions[0].territory[100, -1]


def test_a_segmentation_with_nothing_at_a_joint_is_refused(hand):
    _, radiograph, _ = hand
    [joint] = located(radiograph, (300, 250))
    with pytest.raises(InputError, match=r"hand\.dcm: the segmentation has nothing in the region of joint1"):
        cut_region(radiograph, "hand.dcm", joint, [joint], np.zeros((500, 600), np.uint8))

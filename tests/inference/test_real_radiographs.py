"""The authors' joints as DICOM, alone and in a drawn hand, through the main job's own steps."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.functional import interpolate

from scripts.datasets.test_sets import RealJoints
from scripts.dicom.reader import read_radiograph
from scripts.inference.find_images import find_images
from scripts.inference.inferer import SeparationInferer
from scripts.inference.joint_finder import CONFIDENT, JointFinder
from scripts.inference.pipeline import Pipeline
from scripts.inference.read_images import read_radiograph_joints
from scripts.inference.regions import cut_region
from scripts.networks import checkpoints
from scripts.networks.separator import Separator
from scripts.phantoms.dicom_file import wrap
from scripts.phantoms.hand import draw_hand
from scripts.physics import LOWER, UPPER
from tests.support.pasting import paste

MODEL = Path(__file__).parents[2] / "models" / "model.pt"
YARDSTICKS = ("natural-overlap-test.npz", "synthetic-overlap-test.npz", "tapered-overlap-test.npz")
SPACINGS = (0.1, 0.15, 0.175)
EVERY = 12

pytestmark = [
    pytest.mark.data,
    pytest.mark.slow,
    pytest.mark.skipif("BLS_GAN_DATA" not in os.environ, reason="BLS_GAN_DATA names no folder with the authors' data"),
]


@pytest.fixture(scope="module")
def data():
    return Path(os.environ["BLS_GAN_DATA"])


@pytest.fixture(scope="module")
def network():
    separator = Separator().eval()
    checkpoints.load(separator, MODEL)
    return separator


def write(gray, spacing, folder, name, bits=12):
    path = folder / f"{name}.dcm"
    made = wrap(gray, spacing=spacing, laterality="R", seed=f"{folder.name} {name}", bits=bits)
    made.save_as(path, enforce_file_format=True)
    return path


def separate(path, network, joints=None, masks=None):
    """Layers in gray levels 0..1, and masks, of the only joint asked for."""
    [entry] = find_images(path, joints)
    asked = read_radiograph_joints(entry)
    region = replace(cut_region(asked.radiograph, entry.file, asked.joints[0], asked.joints), masks=masks)
    separated = Pipeline(network, SeparationInferer(), version="1").separate_region(region)
    return separated.layers.double() / region.white, separated.masks


def coarser(layers, masks, size):
    """Layers and masks on a coarser grid, and the pixels that lie wholly inside both bones.

    A layer is known inside its bone only: its mean is taken over that part of a coarser pixel.
    """
    parts = interpolate(masks[None].float(), size, mode="bilinear", antialias=True)[0]
    means = interpolate((layers * masks)[None].float(), size, mode="bilinear", antialias=True)[0]
    return means / parts.clamp(min=1e-6), (parts > 0.999).all(dim=0)


def error_inside(layers, truth, both):
    return [float((layers[bone] - truth[bone]).abs()[both].sum()) * 255 for bone in (LOWER, UPPER)] + [int(both.sum())]


def mean_error(errors):
    """Of all pixels of all images, lower and upper."""
    sums = np.sum(errors, axis=0)
    return sums[:2] / sums[2]


@pytest.mark.parametrize("yardstick", YARDSTICKS)
def test_overlaps_in_a_hand_are_separated_nearly_as_well_as_those_of_the_plain_file(data, network, tmp_path, yardstick):
    known = np.load(data / yardstick)
    picked = range(0, len(known["k"]), EVERY)
    images, layers, masks = (torch.from_numpy(known[key][::EVERY]) for key in ("image_full", "layers", "masks"))
    plain = []
    for number in range(len(picked)):
        path = write(images[number].numpy(), 23 / 256, tmp_path, f"plain{number}", bits=8)
        made, _ = separate(path, network, masks=masks[number])
        truth, both = coarser(layers[number], masks[number], (256, 256))
        plain.append(error_inside(made, truth, both))
    means = {"plain": mean_error(plain)}
    for spacing in SPACINGS:
        hand, errors = draw_hand(0, spacing=spacing), []
        joint = hand.joints["MCP3"]
        top, left, bottom, right = joint.box
        for number in range(len(picked)):
            pasted = paste(hand, "MCP3", images[number][None], masks=masks[number])
            path = write(pasted.image[0].numpy(), spacing, tmp_path, f"hand{spacing}_{number}")
            inside = pasted.joints["MCP3"].masks
            made, _ = separate(path, network, joints=[[left, top, right, bottom]], masks=inside)
            truth, both = coarser(layers[number], masks[number], (bottom - top, right - left))
            errors.append(error_inside(made, truth, both))
        means[spacing] = mean_error(errors)
    for spacing in SPACINGS:
        assert means[spacing].mean() <= 1.25 * means["plain"].mean(), means


def dice(one, other):
    return 2 * float((one & other).sum()) / float(one.sum() + other.sum())


def test_bones_are_found_in_a_hand_also_where_the_region_is_30_percent_off(data, network, tmp_path):
    joints = list(RealJoints(data))[::20]
    figures = {}
    for number, joint in enumerate(joints):
        image, masks = joint["image"].float(), (joint["label"][-2:] > 0.5)
        path = write(image[0].numpy(), 23 / 256, tmp_path, f"plain{number}", bits=8)
        _, found = separate(path, network)
        figures.setdefault("plain", []).append([dice(found[bone], masks[bone]) for bone in (LOWER, UPPER)])
        for spacing in SPACINGS:
            hand = paste(draw_hand(0, spacing=spacing), "MCP3", image, masks=masks)
            drawn = hand.joints["MCP3"]
            path = write(hand.image[0].numpy(), spacing, tmp_path, f"hand{spacing}_{number}")
            top, left, bottom, right = drawn.box
            for factor in (0.7, 1.0, 1.3) if spacing == 0.15 else (1.0,):
                half = factor * (bottom - top) / 2
                row, column = (top + bottom) / 2, (left + right) / 2
                box = [round(column - half), round(row - half), round(column + half), round(row + half)]
                _, found = separate(path, network, joints=[box])
                whole = torch.zeros(2, *hand.image.shape[1:], dtype=torch.bool)
                whole[:, top:bottom, left:right] = drawn.masks
                # What both the region and the drawn masks hold.
                edges = max(top, box[1]), max(left, box[0]), min(bottom, box[3]), min(right, box[2])
                here = torch.zeros_like(whole)
                here[:, box[1] : box[3], box[0] : box[2]] = found
                where = (slice(None), slice(edges[0], edges[2]), slice(edges[1], edges[3]))
                figures.setdefault((spacing, factor), []).append(
                    [dice(here[where][bone], whole[where][bone]) for bone in (LOWER, UPPER)]
                )
    means = {key: np.mean(value, axis=0) for key, value in figures.items()}
    for spacing in SPACINGS:
        assert (means[spacing, 1.0] >= means["plain"] - 0.02).all(), means
    for factor in (0.7, 1.3):
        assert (means[0.15, factor] >= 0.9).all(), means


KODAK = {"MCP1": (630, 1595), "MCP2": (908, 1255), "MCP3": (1108, 1268), "MCP4": (1295, 1355), "MCP5": (1435, 1485)}
"""Joints of the Kodak hand, column and row, read off by eye to within 10 px (1.2 mm)."""


def test_the_five_joints_of_a_real_hand_are_found_confidently(data, network):
    radiograph = read_radiograph(data / "hand-kodak-cr.dcm")
    found = JointFinder(network.finder).find(radiograph)
    assert {joint.name: joint.side for joint in found} == dict.fromkeys(KODAK, "right")
    for joint in found:
        away = radiograph.spacing[0] * np.hypot(*np.subtract(joint.centre, KODAK[joint.name]))
        assert away < 2.5, (joint.name, away)
        assert joint.confidence > 0.95


def test_layers_of_a_found_joint_are_as_good_as_those_of_a_given_one(data, network, tmp_path):
    known = np.load(data / "natural-overlap-test.npz")
    images, layers, masks = (torch.from_numpy(known[key][::EVERY]) for key in ("image_full", "layers", "masks"))
    hand, finder = draw_hand(0, spacing=0.15), JointFinder(network.finder)
    top, left, bottom, right = hand.joints["MCP3"].box
    errors = {"given": [], "found": []}
    for number in range(len(images)):
        pasted = paste(hand, "MCP3", images[number][None], masks=masks[number])
        path = write(pasted.image[0].numpy(), 0.15, tmp_path, f"hand{number}")
        [joint] = [each for each in finder.find(read_radiograph(path)) if each.name == "MCP3"]
        assert joint.confidence >= CONFIDENT
        truth, both = coarser(layers[number], masks[number], (bottom - top, right - left))
        for how, (x, y) in (("given", hand.joints["MCP3"].centre), ("found", joint.centre)):
            [entry] = find_images(path, [[x, y]])
            asked = read_radiograph_joints(entry)
            region = cut_region(asked.radiograph, entry.file, asked.joints[0], asked.joints)
            separated = Pipeline(network, SeparationInferer(), version="1").separate_region(region)
            whole = torch.full((2, *pasted.image.shape[1:]), torch.nan, dtype=torch.float64)
            box = asked.joints[0].box
            whole[:, box[0] : box[2], box[1] : box[3]] = separated.layers.double() / region.white
            made = whole[:, top:bottom, left:right]
            errors[how].append(error_inside(made, truth, both & ~made.isnan().any(dim=0)))
    means = {how: mean_error(each) for how, each in errors.items()}
    print(means)
    assert means["found"].mean() <= 1.1 * means["given"].mean(), means

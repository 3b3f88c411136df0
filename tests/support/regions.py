"""Regions of pictures as they are read, and the answers of a network to them."""

import numpy as np
import torch

from scripts.dicom.joint import IN_TISSUE
from scripts.inference.image_file import PLAIN_AFFINE, Picture
from scripts.inference.joint_list import LocatedJoint, read_joints
from scripts.inference.read_images import locate_joints
from scripts.inference.regions import PictureRegion
from scripts.inference.split import SeparatedRegion, split_region


def picture_region(levels, bits=8, masks=None, name="a") -> PictureRegion:
    """A region as it is read from a picture of ``levels`` (H, W), with or without masks."""
    notes = ("read with care", "and twice")
    container = 8 if bits == 8 else 16
    picture = Picture(levels.astype(np.int32), bits, container, 1.0, PLAIN_AFFINE, 2, notes)
    return PictureRegion(
        name=name,
        file=f"{name}.png",
        image=torch.from_numpy((levels / picture.white).astype(np.float32))[None],
        levels=torch.from_numpy(picture.levels),
        bits_stored=bits,
        black=0.0,
        white=picture.white,
        notes=notes,
        masks=None if masks is None else torch.from_numpy(masks),
        picture=picture,
    )


def prediction(masks, soft_tissue=0.25, ratio=0.5):
    """The network's answer (6, H, W) with these masks, this soft tissue and this share of the upper bone."""
    pred = torch.zeros(6, *masks.shape[1:])
    pred[2:4], pred[4], pred[5] = torch.from_numpy(masks).float() * 0.9, torch.as_tensor(ratio), soft_tissue
    return pred


def split(levels, masks, bits=8, given=False, kind=IN_TISSUE, **answer) -> SeparatedRegion:
    """A region that was split along ``masks``, given or predicted."""
    region = picture_region(levels, bits, masks if given else None)
    return split_region(region, prediction(masks, **answer), kind=kind)


def located(radiograph, *rows) -> list[LocatedJoint]:
    """Joints of a radiograph, asked for by points or boxes."""
    return locate_joints(radiograph, "hand.dcm", read_joints(list(rows), None))

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

"""Ways to measure joint space narrowing, side by side: what each of them sees of a joint."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from skimage.registration import phase_cross_correlation

from scripts.inference.inferer import SeparationInferer
from scripts.measurement.joint_image import JointImage
from scripts.measurement.narrowing import Narrowing, bones_of, narrowing
from scripts.networks.axis import axis_angle
from scripts.networks.separator import Separator
from scripts.physics import LOWER, UPPER, attenuation, grow, split

LEFT_OUT = 4
"""Px around the overlap that are left out with it."""


@dataclass(frozen=True, kw_only=True)
class Seen:
    """One visit as a method sees it.

    Attributes:
        joint: what is registered.
        left_out: (H, W) bool, pixels that do not count; None: all do.
    """

    joint: JointImage
    left_out: np.ndarray | None = None


class Methods:
    """All methods, by name; each makes of an image and its drawn masks what is registered.

    Args:
        network: the separator.
        reference: the paper's, where its weights are.
    """

    def __init__(self, network: Separator, reference: Separator | None = None) -> None:
        self.network, self.reference, self.inferer = network.eval(), reference, SeparationInferer()
        self.see: dict[str, Callable[[np.ndarray, np.ndarray], Seen]] = {
            "plain image": self._plain,
            "overlap left out": self._left_out,
            "equal split": self._equal,
            "layers, drawn masks": self._drawn,
            "layers, predicted masks": self._predicted,
        }
        if reference is not None:
            self.see["the paper's network, drawn masks"] = self._reference

    def _plain(self, image: np.ndarray, masks: np.ndarray) -> Seen:
        return Seen(joint=_joint(np.stack([image / 255.0] * 2), masks, image))

    def _left_out(self, image: np.ndarray, masks: np.ndarray) -> Seen:
        overlap = torch.from_numpy(masks.all(axis=0))[None, None]
        return Seen(joint=self._plain(image, masks).joint, left_out=grow(overlap, LEFT_OUT)[0, 0].numpy())

    def _equal(self, image: np.ndarray, masks: np.ndarray) -> Seen:
        gray = torch.from_numpy(image / 255.0).float()[None, None]
        tissue = self._answer(image, masks)[5][None, None]
        layers = split(gray, torch.full_like(gray, 0.5), tissue, torch.from_numpy(masks)[None])[0]
        return Seen(joint=_joint(layers.numpy(), masks, image))

    def _drawn(self, image: np.ndarray, masks: np.ndarray) -> Seen:
        return Seen(joint=_joint(self._answer(image, masks)[:2].numpy(), masks, image))

    def _predicted(self, image: np.ndarray, masks: np.ndarray) -> Seen:
        answer = self._answer(image)
        return Seen(joint=_joint(answer[:2].numpy(), (answer[2:4] > 0.5).numpy(), image))

    def _reference(self, image: np.ndarray, masks: np.ndarray) -> Seen:
        return Seen(joint=_joint(self._answer(image, masks, self.reference)[:2].numpy(), masks, image))

    def _answer(
        self, image: np.ndarray, masks: np.ndarray | None = None, network: Separator | None = None
    ) -> torch.Tensor:
        gray = torch.from_numpy(image / 255.0).float()[None, None]
        given = {} if masks is None else {"masks": torch.from_numpy(masks)[None].float()}
        with torch.inference_mode():
            answer: torch.Tensor = self.inferer(gray, network or self.network, **given)[0]
        return answer


def register_seen(first: Seen, second: Seen) -> Narrowing:
    """Measure narrowing as the product does."""
    bones = bones_of(first.joint, first.left_out), bones_of(second.joint, second.left_out)
    return narrowing(first.joint, second.joint, bones)


def phase_only(first: Seen, second: Seen) -> float:
    """Measure narrowing, px, by phase-only correlation of each bone, cut out along its mask.

    Source:
        Ou et al., partial image phase-only correlation, IEEE JBHI 2022; here by scikit-image.
    """
    shifts = []
    for bone in (LOWER, UPPER):
        one, other = (each.joint.layers[bone] * each.joint.masks[bone] for each in (first, second))
        shift, _, _ = phase_cross_correlation(one, other, upsample_factor=50, normalization="phase")
        shifts.append(-np.asarray(shift))
    return float((shifts[UPPER] - shifts[LOWER]) @ first.joint.axis)


def _joint(layers: np.ndarray, masks: np.ndarray, image: np.ndarray) -> JointImage:
    return JointImage(
        layers=attenuation(torch.from_numpy(np.asarray(layers)).float()).numpy(),
        masks=masks,
        usable=image < 255,
        angle=float(axis_angle(torch.from_numpy(masks)[None])[0]),
    )

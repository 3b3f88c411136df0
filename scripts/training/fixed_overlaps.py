# Copyright 2026 The BLS-GAN bundle contributors
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and

"""Overlaps made once: the same composites in every epoch."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset, default_collate

from scripts.training.overlap_synthesis import JOINT_KEYS, OverlapSynthesis


def undisturbed(**options: Any) -> OverlapSynthesis:
    """An :class:`OverlapSynthesis` of hard-cut overlaps as a yardstick has them: nothing of chance but the shifts.

    Args:
        options: of :class:`OverlapSynthesis`, e.g. ``tapered=1.0``.
    """
    calm: dict[str, Any] = {"shift": (2, 8), "crossed": 0.0, "angle": 0.0, "zoom": (1.0, 1.0), "slide": 0.0}
    calm |= {"natural": 0.0, "tapered": 0.0, "gain": (1.0, 1.0), "exposure": (1.0, 1.0), "dilation": (1.0, 1.0)}
    calm |= {"mask_jitter": 0.0, "blurred_rim": 0.0, "noise": 0.0}
    return OverlapSynthesis(**(calm | options))


class FixedOverlaps(Dataset[dict[str, Tensor]]):
    """Overlaps made once and kept, the same at every call: what a training is validated on.

    Args:
        joints: items with ``image``, ``background`` and ``distance``, all of one size.
        syntheses: each of them makes one overlap of each joint.
        seed: of the random numbers; those of the training are left alone.
        batch_size: joints that are composed at once, and crossed with each other.
        real: items with ``image`` and ``masks``, real overlaps; they come last, their true layers are NaN.

    An item has ``image`` (1, H, W), ``masks`` (2, H, W) and ``label`` (4, H, W), the true layers and masks.
    """

    def __init__(
        self,
        joints: Sequence[Mapping[str, Tensor]],
        syntheses: Sequence[OverlapSynthesis],
        *,
        seed: int = 0,
        batch_size: int = 64,
        real: Sequence[Mapping[str, Tensor]] = (),
    ) -> None:
        self.items: list[dict[str, Tensor]] = []
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            for synthesis in syntheses:
                for start in range(0, len(joints), batch_size):
                    some = [joints[at] for at in range(start, min(start + batch_size, len(joints)))]
                    made = synthesis(default_collate([{key: joint[key] for key in JOINT_KEYS} for joint in some]))
                    labels = torch.cat([made["layers"], made["true_masks"]], dim=1)
                    self.items += [
                        {"image": image, "masks": masks, "label": label}
                        for image, masks, label in zip(made["image"], made["masks"], labels, strict=True)
                    ]

        for joint in (real[at] for at in range(len(real))):
            label = torch.cat([torch.full_like(joint["masks"], torch.nan), joint["masks"]])
            self.items.append({"image": joint["image"], "masks": joint["masks"], "label": label})

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        return self.items[index]

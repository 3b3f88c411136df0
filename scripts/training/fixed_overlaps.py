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

"""Fixed overlaps: the same composites in every epoch."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.utils.data import Dataset, default_collate

from scripts.training.degradation import Degradation
from scripts.training.edge_profiles import NaturalEdge, TaperedEdge
from scripts.training.mask_jitter import MaskJitter
from scripts.training.overlap_synthesis import JOINT_KEYS, OverlapSynthesis
from scripts.training.pairing import Pairing
from scripts.training.random_draws import Range


def undisturbed(
    *,
    shift: Range = (2, 8),
    natural: NaturalEdge | None = None,
    tapered: TaperedEdge | None = None,
    mask_jitter: MaskJitter | None = None,
    coarse: float = 0.0,
) -> OverlapSynthesis:
    """Return the synthesis of overlaps as a yardstick has them: only shifts and mirroring are left to chance.

    Args:
        shift: whole px by which each bone moves.
        natural: profile of whole bones, by its share; none if not given.
        tapered: profile of tapered bones, by its share; none if not given. The rest is cut hard.
        mask_jitter: errors of the masks; none if not given.
        coarse: share of images from coarser pixels.
    """
    return OverlapSynthesis(
        pairing=Pairing(
            shift=shift, crossed=0.0, angle=0.0, zoom=(1.0, 1.0), slide=0.0, dilation=(1.0, 1.0), gain=(1.0, 1.0)
        ),
        natural=natural or NaturalEdge(share=0.0),
        tapered=tapered or TaperedEdge(share=0.0),
        mask_jitter=mask_jitter or MaskJitter(share=0.0),
        degradation=Degradation(
            exposure=(1.0, 1.0), coarse=coarse, sharpened=0.0, curved=0.0, saturated=0.0, blurred_rim=0.0, noise=0.0
        ),
    )


class FixedOverlaps(Dataset[dict[str, Tensor]]):
    """Overlaps composed once and kept, the same at every call: a training is validated on them.

    Args:
        joints: items with ``image``, ``background``, ``tissue`` and ``distance``, all of one size.
        syntheses: each of them composes one overlap of each joint.
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
                    batch = [joints[at] for at in range(start, min(start + batch_size, len(joints)))]
                    composed = synthesis(default_collate([{key: joint[key] for key in JOINT_KEYS} for joint in batch]))
                    labels = torch.cat([composed["layers"], composed["true_masks"]], dim=1)
                    self.items += [
                        {"image": image, "masks": masks, "label": label}
                        for image, masks, label in zip(composed["image"], composed["masks"], labels, strict=True)
                    ]

        for joint in (real[at] for at in range(len(real))):
            label = torch.cat([torch.full_like(joint["masks"], torch.nan), joint["masks"]])
            self.items.append({"image": joint["image"], "masks": joint["masks"], "label": label})

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        return self.items[index]

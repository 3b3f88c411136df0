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

"""Rows at the picture's edge, where drawn masks end a little too early."""

from collections.abc import Mapping
from typing import Any

from monai.transforms import MapTransform
from torch import Tensor


def repeat_edge_rows(masks: Tensor, rows: int = 3) -> Tensor:
    """Return masks whose outermost rows are those further in.

    One in ten of the release's masks ends a row or two before the picture does, its bone does not. Where a region is
    turned or moved beyond the picture the last row is repeated, and such a bone would end there.

    Args:
        masks: (C, H, W).
        rows: at the top and at the bottom, that are replaced.
    """
    masks = masks.clone()
    masks[:, :rows] = masks[:, rows : rows + 1]
    masks[:, -rows:] = masks[:, -rows - 1 : -rows]
    return masks


class EdgeRowsd(MapTransform):
    """Masks that run to the picture's edge, see :func:`repeat_edge_rows`."""

    def __call__(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Replace the outermost rows of the masks (C, H, W) of ``keys``."""
        joint = dict(data)
        for key in self.key_iterator(joint):  # type: ignore[arg-type]
            joint[key] = repeat_edge_rows(joint[key])
        return joint

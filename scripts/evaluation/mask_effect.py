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

"""Effect of predicted masks on the layers of real joints: the true ones are not known, but how far they move is."""

import logging
from pathlib import Path

import numpy as np

from scripts.datasets.test_sets import RealJoints
from scripts.evaluation.bootstrap import mean_interval
from scripts.evaluation.comparison import BONES, Comparison
from scripts.evaluation.tables import Row, write_table
from scripts.physics import overlap_of

logger = logging.getLogger(__name__)


class MaskEffect:
    """Mean absolute difference of layers with predicted and with drawn masks in the drawn overlap, levels of 255.

    Args:
        comparison: keeps the layers of both methods on ``joints``.
        joints: overlapping joints, the comparison's only set.
        drawn: name of the method that is given the drawn masks.
        predicted: name of the method that is not.
        output_dir: for ``mask_effect.json`` and ``.csv``.
        seed: of the bootstrap.

    Attributes:
        rows: one, once it has been run: mean, its interval, and median, for each bone.
    """

    def __init__(
        self,
        comparison: Comparison,
        joints: RealJoints,
        *,
        drawn: str,
        predicted: str,
        output_dir: str | Path,
        seed: int = 0,
    ) -> None:
        self.comparison, self.joints, self.drawn, self.predicted = comparison, joints, drawn, predicted
        self.output_dir, self.seed = Path(output_dir), seed
        self.rows: list[Row] = []

    def run(self) -> list[Row]:
        """Measure, write and log the table."""
        (where,) = self.comparison.joints
        drawn, predicted = (self.comparison.layers[where, name] for name in (self.drawn, self.predicted))
        moved = np.zeros((len(drawn), 2))
        for at in range(len(drawn)):
            both = overlap_of(self.joints[at]["masks"][None])[0, 0]
            moved[at] = 255.0 * (predicted[at].float() - drawn[at].float()).abs()[:, both].mean(dim=1).numpy()
        row: Row = {"method": f"{self.predicted} less {self.drawn}", "images": len(drawn)}
        for bone, channel in BONES.items():
            column = moved.mean(axis=1) if channel is None else moved[:, channel]
            low, high = mean_interval(column, self.joints.cases, seed=self.seed) or (None, None)
            row |= {
                f"moved_{bone}": round(float(column.mean()), 4),
                f"moved_{bone}_from": low,
                f"moved_{bone}_to": high,
            }
            row[f"median_{bone}"] = round(float(np.median(column)), 4)
        self.rows = [row]
        logger.info("mask effect | %s", " | ".join(f"{key} {value}" for key, value in row.items()))
        write_table(self.output_dir, "mask_effect", self.rows)
        return self.rows

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

import torch
from torch import Tensor

from scripts.evaluation.comparison import Comparison
from scripts.evaluation.mask_effect import MaskEffect
from scripts.evaluation.metrics import BorderStep
from scripts.physics import LOWER, UPPER


class Joints(list):  # type: ignore[type-arg]
    """Two joints of two cases, which share four rows."""

    def __init__(self) -> None:
        self.cases = ["a_L_5", "b_L_5"]
        masks = torch.zeros(2, 32, 32)
        masks[UPPER, :18], masks[LOWER, 14:] = 1.0, 1.0
        image = torch.full((1, 32, 32), 0.5)
        super().__init__({"image": image, "masks": masks, "label": masks} for _ in self.cases)


class Answer(torch.nn.Module):
    """A network whose layers are one gray level, and another where masks are not given."""

    def forward(self, image: Tensor, masks: Tensor | None = None) -> Tensor:
        layers = torch.full((len(image), 2, 32, 32), 0.4)
        if masks is None:
            layers[:, LOWER] += 2 / 255
            layers[:, UPPER, :10] = 0.9
            layers[:, UPPER, 10:] += 5 / 255
        return torch.cat([layers, torch.ones(len(image), 4, 32, 32)], dim=1)


def test_how_far_layers_move_is_measured_in_the_drawn_overlap_for_each_bone(tmp_path) -> None:
    joints = Joints()
    methods = {"drawn": {"network": Answer(), "given": ["masks"]}, "predicted": {"network": Answer(), "given": []}}
    comparison = Comparison(
        joints={"real": joints},  # type: ignore[dict-item]
        methods=methods,
        metrics={"border_step": BorderStep()},
        output_dir=tmp_path,
        name="real_overlaps",
        keep_layers=True,
    )
    comparison.run()
    effect = MaskEffect(comparison, joints, drawn="drawn", predicted="predicted", output_dir=tmp_path)  # type: ignore[arg-type]
    [row] = effect.run()
    # Layers are kept in half precision: a tenth of a level.
    assert abs(row["moved_lower"] - 2) < 0.1
    assert abs(row["moved_upper"] - 5) < 0.1
    assert abs(row["median_both"] - 3.5) < 0.1
    assert (tmp_path / "mask_effect.csv").is_file()

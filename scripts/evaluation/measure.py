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

"""Measurement of one method on one set of joints."""

from collections.abc import Mapping, Sequence

import torch
from monai.data import DataLoader
from monai.engines import IterationEvents, PrepareBatchExtraInput, SupervisedEvaluator
from monai.handlers import IgniteMetricHandler
from torch import Tensor, nn
from torch.utils.data import Dataset

from scripts.datasets.test_sets import Joint
from scripts.evaluation.metrics import PerBone, layers_of


def measure(
    network: nn.Module,
    joints: Dataset[Joint],
    metrics: Mapping[str, PerBone],
    *,
    given: Sequence[str] = (),
    device: torch.device | str = "cpu",
    batch_size: int = 8,
    keep_layers: bool = False,
) -> dict[str, Tensor]:
    """Take metrics of one method on one set of joints.

    Args:
        network: answers (B, 6, H, W), as :class:`scripts.networks.separator.Separator` does.
        joints: items with ``image``, ``label`` and the keys of ``given``.
        metrics: to take, by name.
        given: inputs of the network beside the image: of ``masks``, ``soft_tissue``.
        device: to run on.
        batch_size: images at once.
        keep_layers: add ``layers`` (N, 2, H, W), gray levels 0..1 in half precision (a tenth of a level of 8 bits).

    Returns:
        For each metric one row an image.
    """
    kept: list[Tensor] = []
    evaluator = SupervisedEvaluator(
        device=torch.device(device),
        val_data_loader=DataLoader(joints, batch_size=batch_size, num_workers=0),
        network=network,
        prepare_batch=PrepareBatchExtraInput({key: key for key in given}),
        key_val_metric={
            name: IgniteMetricHandler(metric_fn=metric, output_transform=metric.inputs, save_details=True)
            for name, metric in metrics.items()
        },
        decollate=False,
    )
    if keep_layers:
        evaluator.add_event_handler(
            IterationEvents.FORWARD_COMPLETED,
            lambda engine: kept.append(layers_of(engine.state.output["pred"]).half().cpu()),
        )
    evaluator.run()
    details: dict[str, Tensor] = evaluator.state.metric_details
    measured = {name: details[name].cpu() for name in metrics}
    return {**measured, "layers": torch.cat(kept)} if keep_layers else measured

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

"""Pictures of real joints in TensorBoard, the same joints at each validation."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from ignite.engine import Engine, Events
from torch import Tensor, nn
from torch.utils.tensorboard import SummaryWriter


class JointsOnBoard:
    """Drawings of a few joints after each validation: image, lower and upper layer side by side.

    Args:
        network: a :class:`scripts.networks.separator.Separator`.
        joints: items with ``image`` (1, H, W) and ``masks`` (2, H, W), all of one size.
        log_dir: of TensorBoard.
        count: joints to draw, spread evenly over all of them.
    """

    def __init__(
        self, network: nn.Module, joints: Sequence[Mapping[str, Tensor]], log_dir: str | Path, *, count: int = 8
    ) -> None:
        self.network, self.log_dir = network, log_dir
        self.joints = [joints[at] for at in torch.linspace(0, len(joints) - 1, min(count, len(joints))).long().tolist()]

    def attach(self, engine: Engine) -> None:
        """Draw at the end of each run of ``engine``, an evaluator."""
        engine.add_event_handler(Events.EPOCH_COMPLETED, self)

    @torch.no_grad()
    def __call__(self, engine: Engine) -> None:
        """Draw the joints as the network separates them now."""
        device = next(self.network.parameters()).device
        image, masks = (torch.stack([joint[key] for joint in self.joints]).to(device) for key in ("image", "masks"))
        layers = self.network(image, masks=masks)[:, :2]
        rows = torch.cat([image, layers[:, :1], layers[:, 1:]], dim=3)
        with SummaryWriter(self.log_dir) as writer:
            # The evaluator's epoch is the trainer's.
            writer.add_image("real_overlaps", torch.cat(list(rows), dim=1), engine.state.epoch)

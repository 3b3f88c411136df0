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

from scripts.networks.supervisor import Supervisor


def test_it_answers_for_each_pixel_which_bone_is_there_and_whether_it_is_real() -> None:
    answer = Supervisor(features=(8, 8, 8, 8, 8, 8))(torch.rand(3, 2, 64, 96))
    assert answer.shape == (3, 4, 64, 96)
    assert answer.isfinite().all()
    assert answer.min() < 0 < answer.max()


def test_layers_of_one_batch_tell_each_other_nothing() -> None:
    torch.manual_seed(0)
    supervisor = Supervisor(features=(8, 8, 8, 8, 8, 8)).train()
    layers = torch.rand(2, 2, 64, 64)
    alone = supervisor(layers[:1])
    assert torch.allclose(supervisor(layers)[:1], alone, atol=1e-5)


def test_it_learns_to_tell_a_smooth_layer_from_a_textured_one() -> None:
    torch.manual_seed(0)
    supervisor = Supervisor(features=(8, 8, 8, 8, 8, 8))
    optimizer = torch.optim.Adam(supervisor.parameters(), lr=3e-3)
    layers = torch.cat([torch.linspace(0, 1, 64).expand(4, 2, 64, 64), 0.5 + 0.1 * torch.randn(4, 2, 64, 64)])
    real = torch.tensor([0.0] * 4 + [1.0] * 4).reshape(-1, 1, 1, 1).expand(8, 2, 64, 64)
    for _ in range(30):
        optimizer.zero_grad()
        loss = torch.nn.functional.binary_cross_entropy_with_logits(supervisor(layers)[:, 2:], real)
        loss.backward()
        optimizer.step()
    told = supervisor(layers)[:, 2:].sigmoid().mean(dim=(1, 2, 3))
    assert told[:4].max() < 0.4
    assert told[4:].min() > 0.6

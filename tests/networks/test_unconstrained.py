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

from scripts.networks.unconstrained import FreeSeparator
from scripts.physics import recompose, zone_of
from tests.networks.test_generator import blocks, picture


def test_painted_layers_are_those_of_the_physics_outside_the_zone_and_need_not_recompose_the_image() -> None:
    torch.manual_seed(0)
    narrow = {"features": (8, 8, 8, 8, 8, 8)}
    network = FreeSeparator(grid=64, segmenter=narrow, generator=narrow).eval()
    image, masks = picture(0, 2, 1, 64, 64), blocks(2)
    pred = network(image, masks)
    zone = zone_of(masks)
    assert pred.shape == (2, 6, 64, 64)
    error = (recompose(pred[:, :2], pred[:, 5:]) - image).abs()
    assert error[~zone].max() < 1e-5
    assert error[zone].max() > 0.01
    assert not torch.equal(network(image, masks, 0.9 * pred[:, 5].mean(dim=(1, 2))), pred)
    assert network(image).shape == (2, 6, 64, 64)
    assert network(image, angle=torch.tensor([20.0, 0.0])).shape == (2, 6, 64, 64)

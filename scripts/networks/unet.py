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

"""The U-Net of all networks of the bundle; they differ in width, input and output."""

from collections.abc import Sequence

from monai.networks.nets import BasicUNet


def unet(in_channels: int, out_channels: int, features: Sequence[int], norm: str = "batch") -> BasicUNet:
    """Build a two-dimensional U-Net of five depths.

    Args:
        in_channels: channels of the input.
        out_channels: channels of the answer.
        features: channels of the five depths and of the last layer.
        norm: of the activations; batch norm costs nothing in inference.
    """
    return BasicUNet(
        spatial_dims=2,
        in_channels=in_channels,
        out_channels=out_channels,
        features=features,
        act=("RELU", {"inplace": True}),
        norm=norm,
        bias=False,
        upsample="nontrainable",
    )

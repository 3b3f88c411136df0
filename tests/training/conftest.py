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

"""Joints to compose overlaps from, for all tests of the training."""

import pytest
from torch import Tensor
from torch.utils.data import default_collate

from scripts.datasets.finger_joints import FaceLeftd, LevelTissued, LoadJointd, SignedDistanced, release_datalist
from scripts.training.overlap_synthesis import JOINT_KEYS


@pytest.fixture(scope="module")
def joints(request: pytest.FixtureRequest) -> dict[str, Tensor]:
    """A batch of the release's drawn joints that do not overlap."""
    load, face_left = LoadJointd(), FaceLeftd(["image", "background", "masks"])
    entries = release_datalist(request.getfixturevalue("release"), split="train", overlap="nonoverlap")
    items = [LevelTissued()(SignedDistanced()(face_left(load(entry)))) for entry in entries]
    return default_collate([{key: item[key] for key in JOINT_KEYS} for item in items])

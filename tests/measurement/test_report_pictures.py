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


from pathlib import Path

import numpy as np

from scripts.inference.joint_list import LocatedJoint
from scripts.measurement.report_pictures import LARGEST, overview_of
from tests.support.separated import radiograph


def test_an_overview_is_the_radiograph_with_its_joints_as_far_as_it_is_small(tmp_path: Path) -> None:
    made = radiograph(tmp_path)
    joint = LocatedJoint("MCP2", (0, 0, 20, 20), (9.5, 10.5))
    overview = overview_of(made, [joint], image="a.dcm", date="20260101", side="right")
    rows, columns = made.levels.shape
    assert overview.step == 1.0
    assert np.array_equal(overview.picture, (made.gray((0, 0, rows, columns)) * 255).round().astype(np.uint8))
    assert overview.joints == {"MCP2": (9.5, 10.5)}


def test_a_large_radiograph_is_made_smaller(tmp_path: Path) -> None:
    made = radiograph(tmp_path)
    large = type(made)(**{**made.__dict__, "levels": np.tile(made.levels, (8, 8)), "padded": None})
    overview = overview_of(large, [], image="a.dcm", date="", side="")
    assert max(overview.picture.shape) == LARGEST
    assert overview.step == max(large.levels.shape) / LARGEST

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


from dataclasses import replace
from pathlib import Path

import pytest
from pydicom import Dataset

from scripts.dicom.joint import Angle
from scripts.dicom.layer_image import ANGLE, ANGLE_FROM, PRIVATE_CREATOR, PRIVATE_GROUP, layer_image
from scripts.dicom.reader import Radiograph
from scripts.inference.incremental import KnownJoint
from scripts.physics import LOWER, UPPER
from serving.pacs.result_lookup import stored_joints
from tests.support.separated import SOFTWARE, joints, radiograph, reread


class Headers:
    """In the place of a PACS: it knows the headers of some objects."""

    def __init__(self, objects: list[Dataset]) -> None:
        self.objects = objects

    def metadata(self, study: str, series: str) -> list[Dataset]:
        return [each for each in self.objects if (each.StudyInstanceUID, each.SeriesInstanceUID) == (study, series)]


def layers(of: Radiograph, angle: Angle) -> list[Dataset]:
    joint = replace(joints(of)[0], angle=angle)
    return [reread(layer_image(of, joint, bone, 1, SOFTWARE)) for bone in (LOWER, UPPER)]


def found(of: Radiograph, objects: list[Dataset]) -> KnownJoint:
    [joint], _ = stored_joints(Headers(objects), of.dataset, SOFTWARE)  # type: ignore[arg-type]
    return joint


@pytest.mark.parametrize(("origin", "given"), [("bones", None), ("given", -32.5)])
def test_the_angle_of_a_joint_is_found_again_and_whether_it_was_given(
    tmp_path: Path, origin: str, given: float | None
) -> None:
    of = radiograph(tmp_path)
    joint = found(of, layers(of, Angle(-32.5, origin)))
    assert (joint.located.name, joint.angle, joint.located.angle) == ("left_2", -32.5, given)


def test_results_of_an_older_version_tell_no_angle_and_are_found_all_the_same(tmp_path: Path) -> None:
    of = radiograph(tmp_path)
    older = layers(of, Angle())
    for layer in older:
        block = layer.private_block(PRIVATE_GROUP, PRIVATE_CREATOR)
        for element in (ANGLE, ANGLE_FROM):
            del block[element]
    joint = found(of, older)
    assert (joint.located.name, joint.angle, joint.located.angle) == ("left_2", None, None)

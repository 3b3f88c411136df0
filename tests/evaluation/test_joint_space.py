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


import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from scripts.evaluation.joint_space import by_case, is_open, methods, protocol_of, pushes_of, visits_of, widths_of
from scripts.evaluation.pushed_joints import DEPTHS, OPEN, OpenJoint, open_joint

OURS = "layers, predicted masks"


def apart(rows: int) -> OpenJoint:
    """Two bones, one above the other, so many rows apart."""
    masks = np.zeros((2, 40, 20), bool)
    masks[1, :15], masks[0, 15 + rows :] = True, True
    return OpenJoint(image=np.zeros((40, 20), np.uint8), bones=masks * 0.5, tissue=masks[0] * 0.0, masks=masks)


def test_bones_are_open_that_lie_apart_by_a_few_rows() -> None:
    assert is_open(apart(OPEN))
    assert not is_open(apart(OPEN - 1))


def test_images_of_a_case_are_together(release: Path) -> None:
    cases = by_case(release, "test", "all")
    assert [(own[0]["case"], len(own)) for own in cases] == [("00002_L_2", 2), ("00002_R_8", 1)]
    assert [[entry["case"] for entry in own] for own in by_case(release, "test", "nonoverlap")] == [["00002_L_2"]]


def test_an_image_pushed_against_itself_has_nearly_no_error(release: Path) -> None:
    [[entry]] = by_case(release, "test", "nonoverlap")
    rows = pushes_of([entry, entry])
    assert {each["depth"] for each in rows} == set(DEPTHS)
    assert {each["case"] for each in rows} == {"00002_L_2"}
    drawn = [each for each in rows if each["method"] == "layers, drawn masks"]
    assert len(drawn) == len(DEPTHS)
    assert max(abs(each["error"]) for each in drawn if not each["refused"]) < 1.0


def test_visits_of_the_same_image_close_and_its_widths_are_those_of_one_joint(release: Path) -> None:
    [entries, _] = by_case(release, "test", "all")
    rows = visits_of([entries[0]] * 3)
    assert rows
    for each in rows:
        assert abs(each["error"]) < 0.02
        assert not each["refused"]
        assert each["refused_pairs"] == 0.0
    for width in widths_of(entries[:1]):
        assert width["drawn"] == pytest.approx(width["predicted"], abs=5.0)


FORKED = """
import operator, torch
from scripts.evaluation.joint_space import processes
torch.set_num_threads(2)
plane = torch.ones(1000, 1000).exp()
with processes(1) as pool:
    print(float(pool.submit(operator.add, plane, plane).result().mean()) > 5)
"""


def test_processes_work_that_are_forked_from_one_whose_threads_have_run() -> None:
    environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    # It is killed where it waits for ever.
    done = subprocess.run(
        [sys.executable, "-c", FORKED], env=environment, capture_output=True, text=True, timeout=300, check=True
    )
    assert done.stdout.strip() == "True"


@pytest.mark.data
@pytest.mark.skipif("BLS_GAN_DATA" not in os.environ, reason="BLS_GAN_DATA names no folder with the authors' data")
def test_known_pushes_of_two_real_pairs_are_measured_within_a_pixel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(methods(), "see", {OURS: methods().see[OURS]})
    cases = [own for own in by_case(Path(os.environ["BLS_GAN_DATA"]), "test", "nonoverlap") if len(own) > 1]
    pairs = (own for own in cases if all(is_open(open_joint(entry)) for entry in own[:2]))
    rows = [each for _ in range(2) for each in pushes_of(next(pairs))]
    ours = [each["error"] for each in rows if each["method"] == OURS and not each["refused"]]
    assert len(ours) >= len(DEPTHS)
    assert float(np.median(np.abs(ours))) < 1.0


def test_a_joint_that_does_not_change_is_measured_alike_wherever_it_lies(release: Path) -> None:
    [[entry]] = by_case(release, "test", "nonoverlap")
    [found] = protocol_of([entry, entry])
    assert found["mismatch"] == 0.0
    assert found["sigma"] < 0.05

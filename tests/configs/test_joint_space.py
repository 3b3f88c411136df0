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


import json
from pathlib import Path

import monai.bundle
import pytest

from scripts.phantoms.joint import save
from tests.conftest import ROOT
from tests.support.visits import drawn_visit


@pytest.mark.slow
def test_the_command_measures_the_change_of_a_joint_between_two_pictures(tmp_path: Path) -> None:
    for number, overlap in enumerate((2.0, 6.0)):
        save(drawn_visit(5, number, size=256, overlap=overlap), tmp_path / f"{number}.png", masks=False)
    (tmp_path / "visits.csv").write_text("subject,image\nA,0.png\nA,1.png\n")
    files = [str(ROOT / "configs" / f"{name}.json") for name in ("inference", "joint_space")]
    # Without the bundle's logging.conf, which would take the handlers of the tests.
    monai.bundle.run(
        config_file=files,
        bundle_root=str(ROOT),
        logging_file=False,
        device="cpu",
        dataset_dir=str(tmp_path),
        output_dir=str(tmp_path / "measured"),
    )
    [joint] = json.loads((tmp_path / "measured" / "joint_space.json").read_text())
    [change] = joint["changes"]
    assert change["px"] == pytest.approx(-4.0, abs=0.5)
    assert change["in_words"].endswith("more than can be chance")
    assert (tmp_path / "measured" / "joint_space.csv").read_text().count("\n") == 2

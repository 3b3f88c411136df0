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

import monai.bundle
import pytest
from pydicom import dcmread

from tests.conftest import ROOT
from tests.support.separated import errors


@pytest.mark.slow
def test_the_command_reports_on_the_hand_among_the_samples(tmp_path: Path) -> None:
    files = [str(ROOT / "configs" / f"{name}.json") for name in ("inference", "report")]
    # Without the bundle's logging.conf, which would take the handlers of the tests.
    monai.bundle.run(
        config_file=files, bundle_root=str(ROOT), logging_file=False, device="cpu", output_dir=str(tmp_path / "reports")
    )
    folder = tmp_path / "reports" / "hand_000_right"
    page = (folder / "report.html").read_text()
    for text in ("PHANTOM-000", "Right MCP1", "Right MCP5", "2026-01-01", " mm ± "):
        assert text in page, text
    assert errors(dcmread(folder / "report.dcm"), tmp_path) == []

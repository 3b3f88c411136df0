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

from scripts.reading_test.answers import read_answers, read_key
from tests.conftest import ROOT


def run(**override: object) -> None:
    files = [str(ROOT / "configs" / f"{name}.json") for name in ("inference", "reading_test")]
    # Without the bundle's logging.conf, which would take the handlers of the tests.
    monai.bundle.run(config_file=files, bundle_root=str(ROOT), logging_file=False, device="cpu", **override)


@pytest.mark.slow
def test_the_command_makes_a_test_of_drawn_bones_with_the_weights_of_the_bundle(tmp_path: Path) -> None:
    run(source="drawn", pairs=5, output_dir=str(tmp_path))
    key = read_key(tmp_path / "key.csv")
    assert len(read_answers([tmp_path / "answers_machine.csv"], key)) == len(key) == 20
    assert (tmp_path / "reading_test.html").is_file()


def test_without_the_release_the_command_ends_with_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"expected LS_K1_all_train, Data/ or a release zip, found none of them"):
        run(dataset_dir=str(tmp_path), output_dir=str(tmp_path / "test"))
    assert not (tmp_path / "test").exists()

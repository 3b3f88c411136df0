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

from benchmarks.find_joints import READING, main


def test_the_command_tells_how_long_finding_takes_beside_reading(capsys):
    main(repeats=1)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "1 thread(s), 5 joints"
    assert lines[2].startswith("joints found, torch")
    assert lines[3].startswith("joints found, openvino")
    assert lines[4].startswith(READING)

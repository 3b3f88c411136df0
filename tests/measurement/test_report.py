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


import pytest

from tests.support.drawn_report import drawn_report


def test_pictures_that_are_not_as_many_as_visits_are_refused() -> None:
    whole = drawn_report()
    with pytest.raises(ValueError, match=r"pictures: expected those of \[2, 2\] visits, got \[2, 1\]"):
        drawn_report(pictures=[whole.pictures[0], whole.pictures[1][:1]])

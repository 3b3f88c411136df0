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


"""A small reading test of drawn joints, made once."""

from pathlib import Path
from typing import NamedTuple

import pytest
import torch

from scripts.networks.separator import Separator
from scripts.reading_test.blind_set import ReadingTest
from scripts.reading_test.drawn_joints import DrawnJoints
from tests.conftest import SIZE


class Made(NamedTuple):
    """Reading test, and the folder that it was written into."""

    test: ReadingTest
    folder: Path


def reading_test(folder: Path, *, pairs: int = 3, seed: int = 0, joints: int = 3) -> ReadingTest:
    """Return a test of drawn joints by a network that nobody trained: files are looked at here, not likenesses."""
    torch.manual_seed(0)
    network = Separator().eval()
    return ReadingTest(
        overlapping=DrawnJoints(joints, overlap=True, seed=seed, size=SIZE),
        apart=DrawnJoints(2 * joints, overlap=False, seed=seed, size=SIZE),
        network=network,
        judge=network,
        pairs=pairs,
        output_dir=folder,
        version="9.9",
        source="drawn",
        seed=seed,
        folds=3,
    )


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A test of 12 pictures."""
    folder = tmp_path_factory.mktemp("reading_test")
    test = reading_test(folder)
    test.run()
    return Made(test, folder)

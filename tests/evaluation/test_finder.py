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

import pytest
import torch

from scripts.evaluation.finder import calibrate, evaluate, films, learn_shape
from scripts.evaluation.pictures_without_hands import pictures_without_hands
from scripts.networks import checkpoints
from scripts.networks.separator import Separator

ROOT = Path(__file__).parents[2]


def test_the_thumb_lies_towards_the_body_of_a_right_hand_and_fingers_side_by_side() -> None:
    mean, covariance = learn_shape(60)
    assert mean[0, 1, 0] > 10  # from the thumb to the index finger, mm
    for finger in (1, 2, 3):
        assert 15 < mean[finger, finger + 1, 0] < 30
    assert bool((torch.linalg.det(covariance) > 0).all())


def test_the_films_are_the_same_each_time_and_know_their_joints(release: Path) -> None:
    first, second = (list(films(str(release), "train", 70, 2, other=True)) for _ in range(2))
    for (image, truth), (again, same) in zip(first, second, strict=True):
        assert torch.equal(image, again)
        assert truth == same
        assert 0 <= image.min() <= image.max() <= 1
        for joint in truth:
            assert 0 <= joint.x < image.shape[1]
            assert 0 <= joint.y < image.shape[0]


def test_there_are_more_than_30_pictures_without_a_hand() -> None:
    names = [name for name, picture in pictures_without_hands() if picture.ndim == 2]
    assert len(set(names)) > 30


@pytest.mark.slow
def test_a_finder_is_calibrated_and_judged_by_two_commands(release: Path, tmp_path: Path) -> None:
    calibrate(str(ROOT / "models" / "model.pt"), str(tmp_path / "model.pt"), str(release), count=4)
    network = checkpoints.load(Separator(), tmp_path / "model.pt")
    assert bool(network.finder.calibration.abs().sum() > 0)
    evaluate(str(tmp_path / "model.pt"), str(release), str(tmp_path / "eval"), count=2)
    row = json.loads((tmp_path / "eval" / "finder.json").read_text())
    assert row["films"] == 2
    assert {"found", "silent_misses", "calibration_error", "pictures_without_hands"} <= row.keys()

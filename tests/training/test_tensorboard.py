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

import torch
from ignite.engine import Engine
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from scripts.networks.separator import Separator
from scripts.phantoms.joint import draw_joint
from scripts.training.tensorboard import JointsOnBoard


def test_the_same_joints_are_drawn_after_each_validation(tmp_path: Path) -> None:
    drawn = [draw_joint(seed, size=64, overlap=6.0) for seed in range(3)]
    joints = [{"image": joint.image, "masks": joint.masks.float()} for joint in drawn]
    narrow = {"features": (8, 8, 8, 8, 8, 8)}
    network = Separator(grid=64, segmenter=narrow, generator=narrow).eval()
    evaluator = Engine(lambda engine, batch: None)
    JointsOnBoard(network, joints, tmp_path, count=2).attach(evaluator)
    evaluator.run([0], max_epochs=2)
    events = EventAccumulator(str(tmp_path))
    events.Reload()
    pictures = events.Images("real_overlaps")
    assert [picture.step for picture in pictures] == [1, 2]
    # Image, lower and upper layer side by side, a joint a row.
    assert {(picture.width, picture.height) for picture in pictures} == {(3 * 64, 2 * 64)}
    assert torch.equal(joints[0]["image"], drawn[0].image)

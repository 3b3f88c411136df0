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

"""Calibration and evaluation of the finder of joints, on hands that it has not learned from.

python -m scripts.evaluation.finder calibrate runs/finder/model.pt models/model.pt --dataset_dir DATA
python -m scripts.evaluation.finder evaluate models/model.pt --dataset_dir DATA --output_dir eval/finder
"""

import json
import logging
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import fire
import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from tqdm import tqdm

from scripts.evaluation.finder_metrics import Find, TrueJoint, compare, confident_on, figures
from scripts.evaluation.pictures_without_hands import pictures_without_hands
from scripts.inference.constellation import Candidate, HandShape
from scripts.inference.joint_finder import FoundJoint, JointFinder
from scripts.networks import checkpoints
from scripts.networks.separator import Separator
from scripts.phantoms.hand_pose import PoseRanges, draw_pose, joints_of
from scripts.training.acquisition import Acquisition
from scripts.training.finder_films import FilmRanges, Films
from scripts.training.finder_hands import DrawHand, StoredHand, joint_tiles
from scripts.training.finder_step import Exposure

logger = logging.getLogger(__name__)

POSES = 3000
"""Poses from which the constellation of the joints is learned."""
SPACING = 0.4
"""mm a px of the films."""
OTHER_POSES = PoseRanges(
    spread=(-4.0, 14.0), finger=5.0, thumb=(-28.0, 28.0), drift=40.0, drifting=0.25, bent=7.0, oblique=0.15, longer=0.06
)
OTHER_SIZE = (0.75, 1.22)
OTHER_FILMS = FilmRanges(lean=40.0, zoom=(0.95, 1.05), shift=0.12, nothing=0.0, other=0.0, two=0.12)
"""Ranges of the test films, none of which the training draws from."""
SIDES_MM = (120.0, 250.0)
"""Long sides that pictures without a hand are given."""


def learn_shape(count: int = POSES, size: tuple[float, float] = (0.7, 1.18)) -> tuple[torch.Tensor, torch.Tensor]:
    """Return mean (5, 5, 2) and covariance (5, 5, 2, 2) of the ways between the joints of hands, in mm.

    Args:
        count: of poses, those of the hands that the training draws.
        size: of the hands.
    """
    ways: dict[tuple[int, int], list[np.ndarray]] = {pair: [] for pair in combinations(range(1, 6), 2)}
    for seed in range(count):
        person = np.random.default_rng([seed, 30])
        joints, scale = joints_of(draw_pose(person, PoseRanges())), person.uniform(*size)
        places = {ray: Candidate(ray, scale * x, scale * y, lean, 0.0) for ray, (x, y, lean) in joints.items()}
        for first, second in ways:
            if first in places and second in places:
                ways[first, second].append(HandShape.between(places[first], places[second], mirrored=False))
    mean, covariance = np.zeros((5, 5, 2)), np.tile(np.eye(2), (5, 5, 1, 1))
    for (first, second), found in ways.items():
        table = np.array(found)
        mean[first - 1, second - 1] = table.mean(axis=0)
        # Hands differ more than those that were drawn.
        covariance[first - 1, second - 1] = 1.4 * np.cov(table.T) + 4.0 * np.eye(2)
    return torch.from_numpy(mean).float(), torch.from_numpy(covariance).float()


class _Hands:
    """Hands that are drawn when they are asked for."""

    def __init__(self, draw: DrawHand, first: int, count: int) -> None:
        self.draw, self.first, self.count = draw, first, count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> StoredHand:
        drawn = self.draw({"seed": self.first + index})
        return StoredHand(*(drawn[key].numpy() for key in ("attenuation", "joints", "others")))


def visible_exposure() -> Exposure:
    """Return exposures in which bones can be seen, as radiographs come; the training has darker and whiter ones too."""
    return Exposure(
        density=(0.7, 1.15),
        acquisition=Acquisition(
            coarse=0.4,
            resolution=(0.65, 1.0),
            sides=(5, 15, 45),
            gamma=(0.6, 1.6),
            contrast=(0.65, 1.1),
            brightness=(-0.08, 0.12),
            noise=(0.0, 0.02),
            saturated=0.0,
        ),
        bordered=0.3,
    )


def films(
    dataset_dir: str, split: str, first: int, count: int, *, other: bool
) -> Iterator[tuple[torch.Tensor, list[TrueJoint]]]:
    """Yield films (rows, columns), gray levels 0..1, of 0.4 mm a px, with their joints; the same ones each time.

    Args:
        dataset_dir: of the authors' release, whose joints are composed in.
        split: of the release.
        first: seed of the first hand.
        count: of films.
        other: whether the ranges are those that the training never draws from.
    """
    tiles = joint_tiles(dataset_dir, split=split)
    draw = DrawHand(tiles, shares=(1.0,), ranges=OTHER_POSES, size=OTHER_SIZE) if other else DrawHand(tiles)
    dataset = Films(_Hands(draw, first, count), OTHER_FILMS if other else FilmRanges(), SPACING)  # type: ignore[arg-type]
    exposure = visible_exposure() if other else Exposure()
    for index in range(count):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(first + index)
            film = dataset[index]
            image = exposure(film["image"][None])[0, 0]
        yield image, _truth(film["joints"].numpy())


def _truth(joints: np.ndarray) -> list[TrueJoint]:
    """Return the joints of a film's table, see :data:`scripts.training.finder_films.COLUMNS`."""
    return [
        TrueJoint(int(number), "left" if mirrored else "right", x, y, lean)
        for number, x, y, lean, mirrored in joints.tolist()
        if number
    ]


def calibrate(weights: str, output: str, dataset_dir: str, count: int = 400, first: int = 500_000) -> None:
    """Learn the constellation of the joints and the confidence of a finder, from hands of the validation cases.

    Args:
        weights: a checkpoint with a trained finder.
        output: the checkpoint to write.
        dataset_dir: of the authors' release.
        count: of films.
        first: seed of the first hand.
    """
    network = checkpoints.load(Separator(), weights)
    network.finder.pair_mean, network.finder.pair_covariance = learn_shape()
    # With a confidence that says nothing, every find counts.
    network.finder.calibration = torch.zeros_like(network.finder.calibration)
    features, right = [], []
    finder = JointFinder(network.finder)
    for image, truth in tqdm(films(dataset_dir, "validation", first, count, other=False), total=count, disable=None):
        found = finder.find_in(image, (SPACING, SPACING))
        features += [joint.features for joint in found]
        right += [find.is_right for find in compare(found, truth, SPACING)]
    model = LogisticRegression(C=1.0, max_iter=1000).fit(np.array(features), right)
    network.finder.calibration = torch.tensor([*model.coef_[0], model.intercept_[0]]).float()
    logger.info("%d finds, %.3f right; weights %s", len(right), np.mean(right), network.finder.calibration.tolist())
    checkpoints.save(network.state_dict(), output)


def evaluate(weights: str, dataset_dir: str, output_dir: str, count: int = 500, first: int = 900_000) -> None:
    """Judge a finder on hands with joints of the test cases, in ranges that its training never draws from.

    Args:
        weights: of the bundle.
        dataset_dir: of the authors' release.
        output_dir: for ``finder.json``.
        count: of films.
        first: seed of the first hand.
    """
    finder = JointFinder(checkpoints.load(Separator(), weights).finder)
    finds: list[Find] = []
    joints = 0
    for image, truth in tqdm(films(dataset_dir, "test", first, count, other=True), total=count, disable=None):
        found: list[FoundJoint] = finder.find_in(image, (SPACING, SPACING))
        finds += compare(found, truth, SPACING)
        joints += len(truth)
    others = {
        f"{name}, {side:g} mm": finder.find_in(picture, (side / max(picture.shape),) * 2)
        for name, picture in pictures_without_hands()
        for side in SIDES_MM
    }
    wrong = confident_on(others)
    row = {
        "films": count,
        **figures(finds, joints).as_row(),
        "pictures_without_hands": len(others),
        "of_them_with_confident_finds": len(wrong),
    }
    for name in wrong:
        logger.info("%s: joints were found confidently", name)
    Path(output_dir).mkdir(parents=True, exist_ok=True)
    (Path(output_dir) / "finder.json").write_text(json.dumps(row, indent=4) + "\n")
    for name, value in row.items():
        logger.info("%s: %s", name, value)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    fire.Fire({"calibrate": calibrate, "evaluate": evaluate})

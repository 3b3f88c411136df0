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


"""Reading test: single bones and layers in one shuffled page without the truth, the truth in a key, a first reader."""

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from scripts.datasets.test_sets import Joint, RealJoints
from scripts.errors import InputError, exit_on_input_error, whole_number
from scripts.evaluation.patch_classifier import features, held_out_scores
from scripts.files import prepare_output, write_durably
from scripts.networks.separator import Separator
from scripts.physics import LOWER, UPPER
from scripts.reading_test.answers import MACHINE, MADE, REAL, answer_file, key_file
from scripts.reading_test.drawn_joints import DrawnJoints
from scripts.reading_test.page import page
from scripts.reading_test.pairing import BONE_NAMES, Item, Joints, pair

logger = logging.getLogger(__name__)

RELEASE, DRAWN = SOURCES = ("release", "drawn")


@exit_on_input_error()
def joints_of(
    dataset_dir: str | Path, *, source: str, overlap: bool, split: str, pairs: int, seed: int
) -> RealJoints | DrawnJoints:
    """Return the joints of one kind, overlapping or not.

    Args:
        dataset_dir: see :func:`scripts.datasets.finger_joints.open_release`.
        source: ``release``, or ``drawn``: as many overlaps as pairs, three times as many others, and no data are read.
        overlap: which kind.
        split: of the release.
        pairs, seed: of the test.

    Raises:
        SystemExit: there is no release, no such source or split, or no such number of pairs, with a sentence.
    """
    if source not in SOURCES:
        raise InputError(f"source: expected {' or '.join(SOURCES)}, got {source!r}")
    pairs, seed = whole_number("pairs", pairs, 1), whole_number("seed", seed)
    if source == DRAWN:
        return DrawnJoints(pairs if overlap else 3 * pairs, overlap=overlap, seed=seed)
    return RealJoints(dataset_dir, split=split, overlap="overlap" if overlap else "nonoverlap")


class ReadingTest:
    """Blind set of pictures: layers of overlapping joints and single bones, paired.

    Args:
        overlapping: joints to separate; with ``datalist``.
        apart: joints that do not overlap, from which single bones are cut.
        network: separates along the masks of the joints: the pipeline's network, weights loaded, behind its inferer.
        judge: whose segmenter gives the features of the machine's reader.
        pairs: of each bone; the set has four times as many pictures.
        output_dir: for ``reading_test.html``, ``key.csv`` and ``answers_machine.csv``.
        version: of the bundle, for the page's foot.
        source: of the joints, see :func:`joints_of`; images of the release may not be passed on, and the page says so.
        seed: of all that is drawn.
        folds: of the machine's cross-validation.
    """

    def __init__(
        self,
        *,
        overlapping: RealJoints | DrawnJoints,
        apart: RealJoints | DrawnJoints,
        network: nn.Module,
        judge: Separator,
        pairs: int,
        output_dir: str | Path,
        version: str,
        source: str = RELEASE,
        seed: int = 0,
        folds: int = 5,
    ) -> None:
        self.overlapping, self.apart, self.network, self.judge = overlapping, apart, network, judge
        self.pairs, self.output_dir, self.version = pairs, Path(output_dir), version
        self.source, self.seed, self.folds = source, seed, folds

    def run(self) -> None:
        """Write the test.

        Raises:
            SystemExit: there are fewer joints than pairs, or nothing can be written, with a sentence.
        """
        with exit_on_input_error():
            prepare_output(self.output_dir)
            items = self.items()
            names = item_names(len(items), np.random.default_rng([self.seed, 1]))
            files = {
                "reading_test.html": page(
                    {name: item.picture.numpy() for name, item in zip(names, items, strict=True)},
                    version=self.version,
                    may_be_passed_on=self.source != RELEASE,
                ),
                "key.csv": key_file(dict(zip(names, items, strict=True))),
                "answers_machine.csv": self.machine(names, items),
            }
            for name, text in files.items():
                if text:
                    write_durably(self.output_dir / name, text.encode())
                    logger.info("reading test: %s", self.output_dir / name)

    def items(self) -> list[Item]:
        """Return the pictures of the set, shuffled."""
        rng = np.random.default_rng([self.seed, 0])
        overlapping, apart = self.separated(), single(self.apart)
        items = [item for bone in (LOWER, UPPER) for item in pair(overlapping, apart, bone, self.pairs, rng)]
        return [items[at] for at in rng.permutation(len(items))]

    @torch.no_grad()
    def separated(self) -> Joints:
        """Return the overlapping joints with their layers."""
        device = next(self.judge.parameters()).device
        joints = [self.overlapping[at] for at in range(len(self.overlapping))]
        layers = [
            self.network(joint["image"][None].to(device), masks=joint["masks"][None].to(device))[0, :2].cpu()
            for joint in joints
        ]
        masks = [joint["masks"] for joint in joints]
        return Joints(stacked(layers), stacked(masks), self.overlapping.datalist)

    def machine(self, names: Sequence[str], items: Sequence[Item]) -> str:
        """Return the answers of a classifier that has not seen a picture's case; empty if there are too few cases."""
        said: dict[str, str] = {}
        for bone in (LOWER, UPPER):
            own = [(name, item) for name, item in zip(names, items, strict=True) if item.bone == bone]
            made = np.array([item.made for _, item in own])
            cases = [item.entry["case"] for _, item in own]
            kinds = [{case for case, is_made in zip(cases, made, strict=True) if is_made == kind} for kind in (0, 1)]
            if min(map(len, kinds)) < self.folds:
                logger.warning("no machine's reader: %s bones of fewer than %d cases", BONE_NAMES[bone], self.folds)
                return ""
            pictures = torch.stack([item.picture[None] for _, item in own])
            deep = features(self.judge, pictures)
            scores = held_out_scores(pictures, deep, made, cases, folds=self.folds, seed=self.seed)
            said |= {name: MADE if score > 0 else REAL for (name, _), score in zip(own, scores, strict=True)}
        return answer_file(MACHINE, {name: said[name] for name in names})


def single(joints: Dataset[Joint]) -> Joints:
    """Return joints whose bones share no pixel, with their layers: of each bone the image."""
    kept = [(joints[at], joints.datalist[at]) for at in range(len(joints))]  # type: ignore[attr-defined, arg-type]
    kept = [(joint, entry) for joint, entry in kept if not joint["masks"].prod(dim=0).any()]
    images = [joint["image"].expand_as(joint["masks"]) for joint, _ in kept]
    return Joints(stacked(images), stacked([joint["masks"] for joint, _ in kept]), [entry for _, entry in kept])


def stacked(pictures: Sequence[Tensor]) -> Tensor:
    """Return pictures as one tensor, which may be empty."""
    return torch.stack(list(pictures)) if pictures else torch.empty(0)


def item_names(count: int, rng: np.random.Generator) -> list[str]:
    """Return names that tell nothing, none of them twice: 8 hexadecimal digits."""
    names: dict[str, None] = {}
    while len(names) < count:
        names[rng.bytes(4).hex()] = None
    return list(names)

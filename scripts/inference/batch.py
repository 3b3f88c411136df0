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

"""The steps of the main job that its config names: check both ends first, separate image by image, sum up."""

import logging
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from ignite.engine import Engine, Events
from monai.engines import Evaluator
from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from scripts.errors import exit_on_input_error
from scripts.files import prepare_output
from scripts.inference.dataset import Regions
from scripts.inference.find_images import find_regions
from scripts.inference.write_dicom import WriteRadiographd
from scripts.inference.write_pictures import WriteResultsd

logger = logging.getLogger(__name__)

LISTED = 20
"""Number of sheets up to which each is named at the end."""


@dataclass(frozen=True)
class Outcome:
    """What became of one image.

    Attributes:
        name: of its results.
        separated: number of joints separated.
        sheets: paths of their sheets.
        refused: why it could not be used or its results not be written; empty if all went well.
        passed_over: what it is instead of an image for this job; empty if it is one.
    """

    name: str
    separated: int = 0
    sheets: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    passed_over: tuple[str, ...] = ()


def images(dataset_dir: str | Path, joints: Any = None) -> list[dict[str, Any]]:
    """The images of the job, as :func:`scripts.inference.find_images.find_regions` lists them.

    Raises:
        SystemExit: with the sentence of the refusal.
    """
    with exit_on_input_error():
        return find_regions(dataset_dir, joints)


def check(data: Sequence[Any], output_dir: str | Path) -> None:
    """Refuse a job that has nothing to read or nowhere to write, before a network is built.

    Args:
        data: of :func:`images`, which has refused what it must when this is called.
        output_dir: the folder for all results.

    Raises:
        SystemExit: with the sentence of the refusal.
    """
    with exit_on_input_error():
        prepare_output(output_dir)
    logger.debug("%d images", len(data))


class Separation:
    """Run an evaluator image by image, in this process or in several, and on one machine or, by torchrun, on many.

    An image that fails does not stop the others; one that takes its process with it neither.

    Args:
        evaluator: reads from ``dataset``, writes by ``results`` and ``radiographs``.
        dataset: all images.
        results: what writes those of pictures.
        radiographs: what writes those of DICOM radiographs.
        workers: processes beside this one, each with one thread; 0 or 1: this process does it all.

    Raises:
        SystemExit: several workers on a GPU, which one process fills.
    """

    def __init__(
        self,
        evaluator: Evaluator,
        dataset: Regions,
        results: WriteResultsd,
        radiographs: WriteRadiographd,
        workers: int = 0,
    ) -> None:
        if workers > 1 and torch.cuda.is_initialized():
            raise SystemExit(f"workers is {workers}: processes side by side are for the CPU, 0 expected on a GPU")
        self.evaluator = evaluator
        self.dataset = dataset
        self.results = results
        self.radiographs = radiographs
        self.workers = workers
        self._error: Exception | None = None
        # With a handler of its own an engine ends its run in order; without, its next one would do nothing.
        evaluator.add_event_handler(Events.EXCEPTION_RAISED, self._keep)

    def _keep(self, engine: Engine, error: BaseException) -> None:
        if not isinstance(error, Exception):  # an interruption, or weights that are refused
            raise error
        self._error = error

    def run(self) -> None:
        """Separate all images, then log what was separated, passed over, refused and why.

        Shows a progress bar on a terminal and a log line an image elsewhere. Under torchrun each rank takes its part of
        the images, and rank 0 sums up.

        Raises:
            SystemExit: status 1 if an image was refused, or nothing was there to separate.
        """
        # An engine that runs once an image and quotes errors, a library that names what it copies: not here.
        self.evaluator.logger.setLevel(logging.CRITICAL)
        logging.getLogger("highdicom").setLevel(logging.WARNING)
        rank, ranks = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
        entries = list(self.dataset.data)[rank::ranks]
        outcomes = []
        with logging_redirect_tqdm(), tqdm(total=len(entries), desc="images", unit="image", disable=None) as bar:
            for outcome in self._in_processes(entries) if self.workers > 1 else map(self.separate, entries):
                outcomes.append(outcome)
                bar.update()
                if bar.disable and outcome.separated:
                    logger.info("%d of %d: %s separated", len(outcomes), len(entries), outcome.name)
        outcomes = _of_all_ranks(outcomes) if ranks > 1 else outcomes
        if rank == 0:
            summarise(outcomes)
        if any(outcome.refused for outcome in outcomes) or not any(_done(outcome) for outcome in outcomes):
            raise SystemExit(1)

    def separate(self, entry: Mapping[str, Any]) -> Outcome:
        """Separate one image; never raises for its sake."""
        results, radiographs = self.results, self.radiographs
        joints, pictures, hands = radiographs.joints, len(results.sheets), len(radiographs.sheets)
        radiographs.refused.clear()
        self.dataset.data = [entry]
        # What ignite counted for the image before is not the length of this one.
        self.evaluator.state.epoch_length = None
        self._error = None
        failed: list[str] = []
        self.evaluator.run()
        if self._error is not None:
            logger.debug("%s", entry["name"], exc_info=self._error)
            failed = [f"{entry['name']}: could not be separated ({type(self._error).__name__})"]
        sheets = [*results.sheets[pictures:], *radiographs.sheets[hands:]]
        return Outcome(
            name=entry["name"],
            separated=len(results.sheets) - pictures + radiographs.joints - joints,
            sheets=tuple(map(str, sheets)),
            refused=(*self.dataset.refused, *radiographs.refused, *failed),
            passed_over=tuple(self.dataset.passed_over),
        )

    def _in_processes(self, entries: Sequence[Mapping[str, Any]]) -> Iterator[Outcome]:
        """Outcomes as they come in. What was at work when a process died is tried again alone, then given up."""
        waiting = list(range(len(entries)))
        while waiting:
            try:
                for number, outcome in self._forked(entries, waiting, self.workers):
                    waiting.remove(number)
                    yield outcome
                return
            except BrokenProcessPool:
                # Work is handed out in order, so one of the first is at fault.
                suspects = waiting[: self.workers]
            for number in suspects:
                waiting.remove(number)
                try:
                    yield from (outcome for _, outcome in self._forked(entries, [number], 1))
                except BrokenProcessPool:
                    name = entries[number]["name"]
                    yield Outcome(name, refused=(f"{name}: the process that read it died",))

    def _forked(
        self, entries: Sequence[Mapping[str, Any]], numbers: Sequence[int], workers: int
    ) -> Iterator[tuple[int, Outcome]]:
        # Forked, so that all that is imported and built is there: an image's number is all that is sent.
        global _at_work
        _at_work = self, entries
        # One thread each, as there is a process for each core.
        pool = ProcessPoolExecutor(workers, get_context("fork"), torch.set_num_threads, (1,))
        try:
            futures = {pool.submit(_separate, number): number for number in numbers}
            for future in as_completed(futures):
                yield futures[future], future.result()
        finally:
            pool.shutdown(cancel_futures=True)
            _at_work = None


_at_work: tuple[Separation, Sequence[Mapping[str, Any]]] | None = None
"""What forked processes find when they start."""


def _separate(number: int) -> Outcome:
    if _at_work is None:
        raise RuntimeError("called outside a forked process")
    separation, entries = _at_work
    return separation.separate(entries[number])


def summarise(outcomes: Sequence[Outcome]) -> None:
    """Log what was separated, passed over and refused, and name the sheets if they are few."""
    kinds = Counter(kind for outcome in outcomes for kind in outcome.passed_over)
    refused = [sentence for outcome in outcomes for sentence in outcome.refused]
    sheets = [Path(path) for outcome in outcomes for path in outcome.sheets]
    done, joints = sum(bool(outcome.separated) for outcome in outcomes), sum(outcome.separated for outcome in outcomes)
    line = f"{done} separated" + (f" ({joints} joints)" if joints != done else "") + f", {len(refused)} refused"
    if kinds:
        line += f", {kinds.total()} passed over: " + ", ".join(
            f"{count} {kind}" for kind, count in sorted(kinds.items())
        )
    logger.info(line)
    for sentence in sorted(refused):
        logger.error("refused %s", sentence)
    for path in sorted(sheets) if len(sheets) <= LISTED else ():
        logger.info("sheet %s", path)


def _done(outcome: Outcome) -> bool:
    return bool(outcome.separated) or "done before" in outcome.passed_over


def _of_all_ranks(outcomes: list[Outcome]) -> list[Outcome]:
    dist.init_process_group("gloo")
    try:
        gathered: list[list[Outcome]] = [[] for _ in range(dist.get_world_size())]
        dist.all_gather_object(gathered, outcomes)
    finally:
        dist.destroy_process_group()
    return [outcome for part in gathered for outcome in part]

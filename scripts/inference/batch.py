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

"""Batch inference over a folder or a PACS: each image on its own, in one process or in many."""

import hashlib
import logging
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from ignite.engine import Engine
from monai.engines import Evaluator
from pydicom import Dataset
from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from scripts.dicom.joint import IN_TISSUE, check_kind
from scripts.errors import InputError, SkippedInput, exit_on_input_error, whole_number
from scripts.files import prepare_output
from scripts.inference.cluster import DiedError, separate_all
from scripts.inference.dicomweb import PacsEntry, fetched, find_radiographs
from scripts.inference.find_images import ImageEntry, PictureEntry, RadiographEntry, find_images
from scripts.inference.job import Job, run_one, silenced
from scripts.inference.pipeline import Pipeline
from scripts.inference.read_images import find_joints, read_picture_region, read_radiograph_joints
from scripts.inference.regions import cut_region
from scripts.inference.write_dicom import fingerprint, read_fingerprint, write_radiograph
from scripts.inference.write_pictures import write_picture
from scripts.physics import FIELD_MM

logger = logging.getLogger(__name__)

LISTED = 20
"""Number of sheets up to which each is named at the end."""


@dataclass(frozen=True)
class Outcome:
    """Outcome of one image.

    Attributes:
        name: of its results.
        sheets: paths of the sheets written, one for each joint separated.
        refused: why it could not be used or its results not be written; empty if all went well.
        skipped: its kind, if it is no image for this job or is done already; else empty.
        notes: what the search for joints has to tell, a sentence each.
    """

    name: str
    sheets: tuple[str, ...] = ()
    refused: str = ""
    skipped: str = ""
    notes: tuple[str, ...] = ()


def list_images(
    dataset_dir: str | Path, joints: Any = None, studies: str | None = None, query: str = ""
) -> Sequence[ImageEntry]:
    """List the images of the job: of a folder, or of a PACS.

    Args:
        dataset_dir: see :func:`scripts.inference.find_images.find_images`; not looked at if there is a PACS.
        joints: see :func:`scripts.inference.find_images.find_images`.
        studies: address of the PACS, see :func:`scripts.inference.dicomweb.find_radiographs`.
        query: which of its images.

    Raises:
        SystemExit: with the sentence of the refusal.
    """
    with exit_on_input_error():
        return find_radiographs(studies, query, joints) if studies else find_images(dataset_dir, joints)


def check_job(data: Sequence[ImageEntry], output_dir: str | Path, layers: str = IN_TISSUE) -> None:
    """Refuse a job that has nothing to read, nowhere to write or layers of no known kind, before a network is built.

    Args:
        data: of :func:`list_images`, which has refused what it must when this is called.
        output_dir: the folder for all results.
        layers: their kind, of :data:`scripts.dicom.joint.KINDS`.

    Raises:
        SystemExit: with the sentence of the refusal.
    """
    with exit_on_input_error():
        check_kind(layers)
        prepare_output(output_dir)
    logger.debug("%d images", len(data))


class ImageSeparation:
    """Separation of one image from its file to its files: the iteration of the inference config's evaluator.

    Args:
        pipeline: separates.
        output_dir: the folder for all results.
        store: called with the DICOM objects of a radiograph before its folder appears; if it raises, no folder does.
        resume: skip a radiograph whose folder already holds the results of the same file, joints, masks, version and
            weights.
        field_mm: side of the region around a joint that is given as a point, mm;
            :data:`scripts.physics.FIELD_MM` if not given.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        output_dir: str | Path,
        store: Callable[[Sequence[Dataset]], None] | None = None,
        resume: bool = True,
        field_mm: float | None = None,
    ) -> None:
        self.pipeline = pipeline
        self.output_dir = Path(output_dir)
        self.store = store
        self.resume = resume
        self.field_mm = FIELD_MM if field_mm is None else field_mm

    @property
    def signature(self) -> str:
        """SHA-256 of all settings that results depend on, by which two processes know that they do the same."""
        pipeline = self.pipeline
        settings = [pipeline.version, pipeline.kind, pipeline.as_answered, pipeline.backend, self.resume, self.field_mm]
        parts = [type(self.store).__name__, type(pipeline.inferer).__name__, repr(pipeline.network)]
        return hashlib.sha256(repr([*settings, *parts]).encode()).hexdigest()

    def __call__(self, engine: Engine, entry: ImageEntry) -> Outcome:
        """Separate one image and write its results; an image that fails is an outcome, not an error."""
        try:
            sheets, notes = self._picture(entry) if isinstance(entry, PictureEntry) else self._radiograph(entry)
        except SkippedInput as skipped:
            logger.debug("skipped %s", skipped)
            return Outcome(entry.name, skipped=skipped.kind)
        except InputError as error:
            return Outcome(entry.name, refused=str(error))
        except OSError as error:
            reason = error.strerror or type(error).__name__
            return Outcome(entry.name, refused=f"{entry.name}: its results cannot be written ({reason})")
        except Exception as error:  # its text may be the patient's
            logger.debug("%s", entry.name, exc_info=error)
            return Outcome(entry.name, refused=f"{entry.name}: could not be separated ({type(error).__name__})")
        return Outcome(entry.name, sheets=tuple(map(str, sheets)), notes=tuple(notes))

    def _picture(self, entry: PictureEntry) -> tuple[list[Path], Sequence[str]]:
        region = read_picture_region(entry)
        separated = self.pipeline.separate_region(region)
        return write_picture(separated, region, self.output_dir / entry.name, self.pipeline.software), ()

    def _radiograph(self, entry: ImageEntry) -> tuple[list[Path], Sequence[str]]:
        """Return the sheets of a radiograph, and what the search for its joints has to tell."""
        with fetched(entry) if isinstance(entry, PacsEntry) else nullcontext(entry) as file:
            assert isinstance(file, RadiographEntry)
            asked = read_radiograph_joints(file, self.field_mm, find=self.pipeline.can_find)
        software, folder = self.pipeline.software, self.output_dir / entry.name
        mark = fingerprint(asked, software, self.pipeline.kind, self.pipeline.backend)
        if self.resume and read_fingerprint(folder) == mark:
            raise SkippedInput(f"{entry.name}: done before", kind="done before")
        if asked.to_find:
            asked = find_joints(asked, self.pipeline.find, file.file, self.field_mm)
        joints = [cut_region(asked.radiograph, file.file, each, asked.joints, asked.labels) for each in asked.joints]
        separated = self.pipeline.separate_radiograph(asked.radiograph, file.file, joints)
        sheets = write_radiograph(
            separated, folder, name=entry.name, software=software, fingerprint=mark, store=self.store
        )
        return sheets, asked.notes


class Batch:
    """Batch inference: an evaluator run image by image, in this process, or in many of this or other machines.

    An image that fails does not stop the others; one that ends its process neither.

    Args:
        evaluator: its iteration is an :class:`ImageSeparation`.
        data: all images.
        workers: processes of this machine, each with one thread; 0 or 1: this process does it all.
        scheduler: address of a Dask cluster whose workers do it all.
        job: from which other processes build the evaluator.

    Raises:
        SystemExit: workers that are no number; several of them on a GPU, which one process fills; several processes of
            torchrun.
    """

    def __init__(
        self,
        evaluator: Evaluator,
        data: Sequence[ImageEntry],
        workers: int = 0,
        scheduler: str | None = None,
        job: Job | None = None,
    ) -> None:
        with exit_on_input_error():
            self.workers = whole_number("workers", workers)
        if workers > 1 and torch.cuda.is_initialized():
            raise SystemExit(f"workers: expected 0 on a GPU, which one process fills, got {workers}")
        if int(ranks := os.environ.get("WORLD_SIZE", "1")) > 1:
            raise SystemExit(f"torchrun: expected one process, got {ranks}; for many: --workers or --scheduler")
        self.evaluator = silenced(evaluator)
        self.data = data
        self.scheduler = scheduler or ""
        self.job = job

    def run(self) -> None:
        """Separate all images, then log what was separated, skipped, refused and why.

        Shows a progress bar on a terminal and a log line an image elsewhere.

        Raises:
            SystemExit: status 1 if an image was refused, or nothing was there to separate; or the sentence that tells
                why other processes cannot do the job.
        """
        entries, outcomes = list(self.data), []
        many = self.scheduler or self.workers > 1
        with (
            exit_on_input_error(),
            logging_redirect_tqdm(),
            tqdm(total=len(entries), desc="images", unit="image", disable=None) as bar,
        ):
            for outcome in self._elsewhere(entries) if many else map(self.separate, entries):
                outcomes.append(outcome)
                bar.update()
                if bar.disable and outcome.sheets:
                    logger.info("%d of %d: %s separated", len(outcomes), len(entries), outcome.name)
        log_summary(outcomes)
        done = any(outcome.sheets or outcome.skipped == "done before" for outcome in outcomes)
        if not done or any(outcome.refused for outcome in outcomes):
            raise SystemExit(1)

    def separate(self, entry: ImageEntry) -> Outcome:
        """Separate one image."""
        outcome: Outcome = run_one(self.evaluator, entry)
        return outcome

    def _elsewhere(self, entries: Sequence[ImageEntry]) -> Iterator[Outcome]:
        """Yield outcomes of other processes as they come in."""
        if self.job is None:
            raise InputError("job: expected the config of the other processes, got none")
        for entry, result in separate_all(self.job, entries, workers=self.workers, scheduler=self.scheduler):
            if isinstance(result, DiedError):
                yield Outcome(entry.name, refused=f"{entry.name}: the process that read it died")
            elif isinstance(result, BaseException):  # its text may be the patient's
                kind = type(result).__name__
                yield Outcome(entry.name, refused=f"{entry.name}: could not be separated ({kind})")
            else:
                yield result


def log_summary(outcomes: Sequence[Outcome]) -> None:
    """Log what was separated, skipped and refused, and name the sheets if they are few."""
    kinds = Counter(outcome.skipped for outcome in outcomes if outcome.skipped)
    refused = [outcome.refused for outcome in outcomes if outcome.refused]
    sheets = [Path(path) for outcome in outcomes for path in outcome.sheets]
    images = sum(bool(outcome.sheets) for outcome in outcomes)
    line = f"{images} separated" + (f" ({len(sheets)} joints)" if len(sheets) != images else "")
    line += f", {len(refused)} refused"
    if kinds:
        counts = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
        line += f", {kinds.total()} skipped: {counts}"
    logger.info(line)
    for sentence in sorted(refused):
        logger.error("refused %s", sentence)
    for outcome in sorted(outcomes, key=lambda each: each.name):
        for note in outcome.notes:
            logger.warning("%s: %s", outcome.name, note)
    for path in sorted(sheets) if len(sheets) <= LISTED else ():
        logger.info("sheet %s", path)

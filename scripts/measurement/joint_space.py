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

"""Joint space over time: the joints of persons, or of a list of pictures, measured over their visits."""

import csv
import io
import json
import logging
import math
import pickle
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from scripts.errors import InputError, exit_on_input_error, whole_number
from scripts.files import prepare_output, write_durably
from scripts.inference.find_images import ImageEntry, PictureEntry, find_pictures
from scripts.inference.pipeline import Pipeline
from scripts.inference.read_images import read_picture_region
from scripts.measurement.hand_reports import HandReports, by_person
from scripts.measurement.joint_image import joint_image
from scripts.measurement.joint_series import JointSeries, Visit
from scripts.measurement.measure import measure_joint, measure_regions
from scripts.measurement.visit_list import LIST, read_visits

logger = logging.getLogger(__name__)

COLUMNS = ("subject", "side", "joint", "first", "second", "first_date", "second_date", "change_px", "change_mm")
FIGURES = (
    "standard_error",
    "standard_error_mm",
    "detectable",
    "reliability",
    "first_width",
    "second_width",
    "in_words",
    "warnings",
)


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Outcome of one person, or of one subject of a list.

    Attributes:
        name: of the subject.
        series: its joints.
        refused: sentences on images and joints that could not be used.
    """

    name: str
    series: Sequence[JointSeries] = ()
    refused: Sequence[str] = ()


def _checked(spacing: object) -> float | None:
    """Return a spacing of a command line, mm.

    Raises:
        InputError: it is no length.
    """
    if spacing is None:
        return None
    # True is a number to Python.
    if isinstance(spacing, bool) or not isinstance(spacing, int | float) or not 0 < spacing < math.inf:
        raise InputError(f"spacing: expected mm a px above 0, got {spacing}")
    return float(spacing)


class Subjects(Dataset[Measured]):
    """Persons of a folder of radiographs, or subjects of a list of pictures; an item is measured when it is asked for.

    Args:
        pipeline: separates.
        data: images, see :func:`scripts.inference.batch.list_images`.
        dataset_dir: their folder.
        visits: list of the visits of pictures, of the folder or beside the list; ``visits.csv`` in the folder if not
            given.
        spacing: mm a px of pictures; only px without it.
        field_mm: side of the region around a joint of a radiograph, mm.

    Raises:
        SystemExit: a spacing that is none, or as :func:`~scripts.measurement.visit_list.read_visits`.
    """

    def __init__(
        self,
        *,
        pipeline: Pipeline,
        data: Sequence[ImageEntry],
        dataset_dir: str | Path,
        visits: str | Path | None = None,
        spacing: float | None = None,
        field_mm: float | None = None,
    ) -> None:
        with exit_on_input_error():
            self.pipeline, self.spacing = pipeline, _checked(spacing)
        folder = Path(dataset_dir)
        self.list = Path(visits) if visits else folder / LIST
        self.persons = by_person([entry for entry in data if not isinstance(entry, PictureEntry)])
        self.reports = HandReports(
            pipeline=pipeline, data=(), output_dir=".", measure=measure_regions, field_mm=field_mm, pictures=False
        )
        pictures = [entry for entry in data if isinstance(entry, PictureEntry)]
        self.listed: list[tuple[str, list[str]]] = []
        self.pictures: dict[str, PictureEntry] = {}
        if visits or pictures:
            with exit_on_input_error():
                self.listed = list(read_visits(self.list).items())
            beside = [] if self.list.parent == folder else find_pictures(self.list.parent)
            self.pictures = {entry.path.name: entry for entry in [*beside, *pictures]}

    def __getstate__(self) -> dict[str, bytes]:
        """Return all of it as bytes: PyTorch would send each weight of the network by a file of its own."""
        return {"pickled": pickle.dumps(self.__dict__)}

    def __setstate__(self, state: dict[str, bytes]) -> None:
        """Take over what :meth:`__getstate__` returns."""
        self.__dict__.update(pickle.loads(state["pickled"]))

    def __len__(self) -> int:
        return len(self.persons) + len(self.listed)

    def __getitem__(self, number: int) -> Measured:
        torch.set_num_threads(1)
        if number < len(self.persons):
            return self._person(self.persons[number])
        subject, images = self.listed[number - len(self.persons)]
        return self._subject(subject, images)

    def _person(self, entries: Sequence[ImageEntry]) -> Measured:
        report, _, refused = self.reports.report(entries)
        series = () if report is None else report.series
        name = entries[0].name if report is None else report.subject or entries[0].name
        unchanged = [
            f"{name} {each.side} {each.joint}: "
            + (each.visits[0].refused or f"expected two visits or more, got {len(each.visits)}")
            for each in series
            if not each.changes
        ]
        return Measured(name=name, series=series, refused=[*refused, *unchanged])

    def _subject(self, subject: str, images: Sequence[str]) -> Measured:
        visits = []
        for image in images:
            visit = Visit(image=image, centre=(0.0, 0.0), spacing=self.spacing)
            try:
                visits.append(self._visit(visit))
            except InputError as error:
                visits.append((replace(visit, refused=str(error)), None))
            except Exception as error:  # broken files raise errors of many kinds
                visits.append((replace(visit, refused=f"{image}: could not be read ({type(error).__name__})"), None))
        refused = [visit.refused for visit, _ in visits if visit.refused]
        try:
            series = measure_joint(subject, "", "", visits)
        except InputError as error:
            return Measured(name=subject, refused=[*refused, str(error)])
        return Measured(name=subject, series=[series], refused=refused)

    def _visit(self, visit: Visit) -> tuple[Visit, Any]:
        entry = self.pictures.get(visit.image)
        if entry is None:
            raise InputError(f"{visit.image}: no such picture in the data set or beside {self.list.name}")
        separated = self.pipeline.separate_region(read_picture_region(entry))
        image = joint_image(separated, spacing=self.spacing)
        rests_on = "" if self.spacing is None else "given"
        centre = image.source(image.centre) if image.masks.any(axis=(1, 2)).all() else (0.0, 0.0)
        warnings = tuple(separated.record["warnings"])
        return replace(visit, centre=centre, angle=image.angle, rests_on=rests_on, warnings=warnings), image


class JointSpace:
    """Measurement of all subjects: ``joint_space.csv``, a row a change, and ``joint_space.json``, all of it.

    Args:
        subjects: what is measured.
        output_dir: the folder for both files.
        workers: processes; 0: this one does it all.
    """

    def __init__(self, subjects: Subjects, output_dir: str | Path, workers: int = 0) -> None:
        self.subjects, self.output_dir = subjects, Path(output_dir)
        with exit_on_input_error():
            self.workers = whole_number("workers", workers)

    def run(self) -> None:
        """Measure, then log what was measured and refused.

        Raises:
            SystemExit: the folder cannot be written to; status 1 if anything was refused or nothing measured.
        """
        with exit_on_input_error():
            prepare_output(self.output_dir)
        rows: list[Mapping[str, Any]] = []
        refused: list[str] = []
        records: list[str] = []
        measured = 0
        for one in self._outcomes():
            refused += one.refused
            records += [json.dumps(series.record, default=float, allow_nan=False) for series in one.series]
            for series in one.series:
                rows += list(rows_of(series))
                measured += sum(change.px is not None for change in series.changes)
        told = set(refused)
        refused += [
            f"{row['subject']} {row['second']}: {row['in_words']}"
            for row in rows
            if row["change_px"] is None and row["in_words"].removeprefix("not measured: ") not in told
        ]
        table = io.StringIO()
        writer = csv.DictWriter(table, [*COLUMNS, *FIGURES], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        write_durably(self.output_dir / "joint_space.csv", table.getvalue().encode())
        write_durably(self.output_dir / "joint_space.json", f"[{','.join(records)}]\n".encode())
        logger.info("%d changes measured, %d refused: %s", measured, len(refused), self.output_dir / "joint_space.csv")
        for sentence in refused:
            logger.error("refused %s", sentence)
        if refused or not measured:
            raise SystemExit(1)

    def _outcomes(self) -> Iterator[Measured]:
        # Not forked: a runtime of networks that has its threads does not survive that.
        context = "forkserver" if self.workers else None
        loader = DataLoader(
            self.subjects, batch_size=None, num_workers=self.workers, shuffle=False, multiprocessing_context=context
        )
        with logging_redirect_tqdm():
            yield from tqdm(loader, total=len(self.subjects), desc="subjects", unit="subject", disable=None)


def rows_of(series: JointSeries) -> Iterator[Mapping[str, Any]]:
    """Yield a row of ``joint_space.csv`` for each change of a joint."""
    for change in series.changes:
        first, second = series.visits[change.first], series.visits[change.second]
        widths = [None if visit.width is None else round(visit.width.mean, 3) for visit in (first, second)]
        numbers = {
            "change_px": change.px,
            "change_mm": change.mm,
            "standard_error": change.standard_error,
            "standard_error_mm": change.standard_error_mm,
            "detectable": change.detectable,
            "reliability": change.reliability,
        }
        yield {
            "subject": series.subject,
            "side": series.side,
            "joint": series.joint,
            "first": first.image,
            "second": second.image,
            "first_date": first.date,
            "second_date": second.date,
            **{name: None if value is None else round(value, 4) for name, value in numbers.items()},
            "first_width": widths[0],
            "second_width": widths[1],
            "in_words": change.in_words,
            "warnings": "; ".join(dict.fromkeys([*first.warnings, *second.warnings, *change.warnings])),
        }

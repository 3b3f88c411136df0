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


"""Reports on hands: the radiographs of each person are separated, measured, and told in one report."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

from pydicom import Dataset, dcmread
from pydicom.errors import InvalidDicomError

from scripts.dicom.attributes import UNREADABLE, values
from scripts.dicom.header import quiet
from scripts.dicom.view import laterality
from scripts.errors import InputError, SkippedInput, exit_on_input_error
from scripts.files import prepare_output
from scripts.inference.dicomweb import PacsEntry, fetched
from scripts.inference.find_images import ImageEntry, RadiographEntry
from scripts.inference.pipeline import Pipeline
from scripts.inference.read_images import RadiographJoints, find_joints, read_radiograph_joints
from scripts.inference.regions import cut_region
from scripts.inference.split import SeparatedRegion
from scripts.measurement.joint_series import JointSeries, Visit
from scripts.measurement.report import Overview, Report
from scripts.measurement.report_pictures import overview_of, visit_pictures
from scripts.measurement.write_report import write_report
from scripts.physics import FIELD_MM

logger = logging.getLogger(__name__)

Measure = Callable[[JointSeries, Sequence[SeparatedRegion]], JointSeries]
"""Measurement of a series, given the separated joint of each visit: the series with widths and changes."""

NOT_MEASURED = "the report was made without a measurement"
SKIPPED_PICTURE = "a picture of one joint belongs to nobody: reports are on radiographs"


@dataclass(frozen=True, kw_only=True)
class _Seen:
    """One radiograph of a person, separated."""

    image: str
    header: Dataset
    side: str
    overview: Overview | None
    regions: Mapping[str, SeparatedRegion]
    visits: Mapping[str, Visit]


class HandReports:
    """A report on each person whose radiographs are in a folder or a PACS.

    Args:
        pipeline: finds and separates joints.
        data: images, see :func:`scripts.inference.batch.list_images`.
        output_dir: for a folder for each person, named as the latest radiograph is.
        measure: measures the joint space; None: reports show joints and layers, and say that nothing was measured.
        store: called with the DICOM object of each report.
        field_mm: side of the region around a joint, mm; :data:`scripts.physics.FIELD_MM` if not given.
        pictures: whether reports have pictures; without them they are series only.
    """

    def __init__(
        self,
        *,
        pipeline: Pipeline,
        data: Sequence[ImageEntry],
        output_dir: str | Path,
        measure: Measure | None = None,
        store: Callable[[Sequence[Dataset]], None] | None = None,
        field_mm: float | None = None,
        pictures: bool = True,
    ) -> None:
        self.pipeline, self.data, self.output_dir = pipeline, data, Path(output_dir)
        self.measure, self.store, self.pictures = measure, store, pictures
        self.field_mm = FIELD_MM if field_mm is None else field_mm

    def run(self) -> None:
        """Write all reports.

        Raises:
            SystemExit: the folder cannot be written to, no report was written, or a radiograph was refused.
        """
        with exit_on_input_error():
            prepare_output(self.output_dir)
        written, refused = 0, []
        for entries in by_person(self.data):
            report, source, own = self.report(entries)
            refused += own
            if report is not None and source is not None:
                try:
                    folder = self.output_dir / report.overviews[-1].image
                    written += bool(write_report(report, folder, source=source, store=self.store))
                except (InputError, OSError) as error:
                    refused.append(f"{report.overviews[-1].image}: its report cannot be written ({error})")
        logger.info("%d reports, %d refused", written, len(refused))
        for sentence in refused:
            logger.error("refused %s", sentence)
        if refused or not written:
            raise SystemExit(1)

    def report(self, entries: Sequence[ImageEntry]) -> tuple[Report | None, Dataset | None, list[str]]:
        """Return the report on one person, the header of the latest radiograph, and what was refused.

        There is no report if none of the radiographs could be used. What was skipped, or not sure enough, is told in
        the report, and is not refused.
        """
        seen: list[_Seen] = []
        refused: list[str] = []
        told: list[str] = []
        for entry in entries:
            try:
                one, notes = self._separate(entry)
            except SkippedInput as skipped:
                told.append(str(skipped))
            except InputError as error:
                refused.append(str(error))
            except Exception as error:  # its text may be the patient's
                logger.debug("%s", entry.name, exc_info=error)
                refused.append(f"{entry.name}: could not be separated ({type(error).__name__})")
            else:
                seen.append(one)
                told += [f"{entry.name}: {note}" for note in notes]
        for sentence in told:
            logger.warning("%s", sentence)
        if not seen:
            return None, None, refused
        seen.sort(key=lambda one: (*moment(one.header), one.image))
        series, regions = series_of(seen)
        measured = [self._measured(joint, own) for joint, own in zip(series, regions, strict=True)]
        report = Report(
            subject=subject_of(seen[-1].header),
            series=measured,
            pictures=[[visit_pictures(region) if self.pictures else None for region in own] for own in regions],
            overviews=[one.overview for one in seen if one.overview is not None],
            software=self.pipeline.software,
            refused=[*refused, *told],
        )
        return report, seen[-1].header, refused

    def _measured(self, joint: JointSeries, regions: Sequence[SeparatedRegion]) -> JointSeries:
        """Return a series with widths and changes; one that cannot be measured says why."""
        refused = NOT_MEASURED
        try:
            if self.measure is not None:
                return self.measure(joint, regions)
        except InputError as error:
            refused = str(error)
        except Exception as error:  # its text may be the patient's
            logger.debug("%s", joint.joint, exc_info=error)
            refused = f"could not be measured ({type(error).__name__})"
        return replace(joint, visits=[replace(visit, refused=refused) for visit in joint.visits])

    def _separate(self, entry: ImageEntry) -> tuple[_Seen, Sequence[str]]:
        with local(entry) as file:
            asked = read_radiograph_joints(file, self.field_mm, find=self.pipeline.can_find)
        if asked.to_find:
            asked = find_joints(asked, self.pipeline.find, file.file, self.field_mm)
        regions = {
            joint.name: self.pipeline.separate_region(
                cut_region(asked.radiograph, file.file, joint, asked.joints, asked.labels)
            )
            for joint in asked.joints
        }
        header = asked.radiograph.dataset
        side = {"R": "right", "L": "left"}.get(laterality(header), "")
        overview = None
        if self.pictures:
            overview = overview_of(asked.radiograph, asked.joints, image=entry.name, date=moment(header)[0], side=side)
        visits = visits_of(asked, entry.name, regions)
        seen = _Seen(image=entry.name, header=header, side=side, overview=overview, regions=regions, visits=visits)
        return seen, asked.notes


def visits_of(asked: RadiographJoints, image: str, regions: Mapping[str, SeparatedRegion]) -> dict[str, Visit]:
    """Return the visit of each joint of a radiograph, not measured yet."""
    header, spacing = asked.radiograph.dataset, asked.radiograph.pixel_spacing
    known = bool(spacing.attribute)
    return {
        joint.name: Visit(
            image=image,
            date=moment(header)[0],
            spacing=sum(spacing.sides) / 2 if known else None,
            rests_on=spacing.rests_on if known else "",
            centre=joint.centre,
            angle=float(regions[joint.name].record["angle"]),
            confidence=joint.confidence,
            warnings=tuple(regions[joint.name].record["warnings"]),
            sop_class_uid=str(header.SOPClassUID),
            sop_instance_uid=str(header.SOPInstanceUID),
            study_uid=str(header.StudyInstanceUID),
        )
        for joint in asked.joints
    }


def series_of(seen: Sequence[_Seen]) -> tuple[list[JointSeries], list[list[SeparatedRegion]]]:
    """Return the joints of a person, right hand first, each with its visits; and the separated joint at each visit."""
    names = sorted(
        {(one.side, name) for one in seen for name in one.visits}, key=lambda each: (each[0] != "right", each)
    )
    subject = subject_of(seen[-1].header)
    series, regions = [], []
    for side, name in names:
        own = [one for one in seen if one.side == side and name in one.visits]
        visits = [one.visits[name] for one in own]
        series.append(JointSeries(subject=subject, side=side, joint=name, visits=visits))
        regions.append([one.regions[name] for one in own])
    return series, regions


def by_person(data: Sequence[ImageEntry]) -> list[list[ImageEntry]]:
    """Return the images of each person together, by the Patient ID; an image that names nobody is alone."""
    groups: dict[str, list[ImageEntry]] = {}
    for number, entry in enumerate(data):
        groups.setdefault(person_of(entry) or f"\0{number}", []).append(entry)
    return list(groups.values())


def person_of(entry: ImageEntry) -> str:
    """Return the Patient ID and its issuer of an image; empty if it has none or cannot be read."""
    try:
        with local(entry) as file, quiet():
            header = dcmread(file.path, stop_before_pixels=True, specific_tags=["PatientID", "IssuerOfPatientID"])
            patient, issuer = (values(header, keyword) for keyword in ("PatientID", "IssuerOfPatientID"))
    except (InputError, InvalidDicomError, *UNREADABLE):
        return ""
    return "\n".join(map(str, [*patient, *issuer])) if patient else ""


@contextmanager
def local(entry: ImageEntry) -> Iterator[RadiographEntry]:
    """Yield a radiograph as a file of this machine.

    Raises:
        SkippedInput: it is a picture.
        InputError: the PACS does not answer.
    """
    with fetched(entry) if isinstance(entry, PacsEntry) else nullcontext(entry) as file:
        if not isinstance(file, RadiographEntry):
            raise SkippedInput(f"{entry.name}: {SKIPPED_PICTURE}", kind="pictures")
        yield file


def subject_of(header: Dataset) -> str:
    """Return the Patient ID; empty if there is none."""
    return next((str(value) for value in values(header, "PatientID")), "")


def moment(header: Dataset) -> tuple[str, str]:
    """Return Study Date and Study Time; empty where they are not known."""
    date, time = (next((str(value) for value in values(header, keyword)), "") for keyword in ("StudyDate", "StudyTime"))
    return date, time

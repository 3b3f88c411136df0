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

"""Destination of results by STOW-RS."""

from collections.abc import Sequence

from pydicom import Dataset

from scripts.errors import SkippedInput
from serving.pacs.client import Pacs
from serving.pacs.errors import PacsAwayError
from serving.pacs.journal import BusyError, Journal


class WebStore:
    """DICOMweb services that results are stored in.

    Args:
        pacs: the services.
        journal: of the server that serves the same PACS, if one does: a radiologist's own results stay.
    """

    def __init__(self, pacs: Pacs, journal: Journal) -> None:
        self.pacs = pacs
        self.journal = journal
        self.name = pacs.url

    def send(self, source: str, objects: Sequence[Dataset]) -> None:
        """Store results in one request, as :meth:`serving.node.destination.Destination.send` says.

        Raises:
            PacsAwayError: not all of them were stored.
            SkippedInput: the PACS has other results of this radiograph, by the same version and weights.
        """
        try:
            with self.journal.alone(source):
                gone = self.journal.left_over(source)
                ours = {str(each.SOPInstanceUID) for each in objects}
                series = {(str(each.StudyInstanceUID), str(each.SeriesInstanceUID)) for each in objects}
                there = {str(header.SOPInstanceUID) for each in series for header in self.pacs.metadata(*each)}
                if there - ours - gone:
                    raise SkippedInput("has other results of this version in the PACS already", kind="other results")
                if ours - there:
                    self.pacs.store([each for each in objects if str(each.SOPInstanceUID) not in there])
        except BusyError as error:
            raise PacsAwayError(str(error)) from error

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

"""The PACS as a datastore of MONAI Label: image ids, images, labels."""

import logging
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cachetools import LRUCache
from monailabel.interfaces.datastore import Datastore
from pydicom import Dataset

from scripts.errors import InputError
from serving import label_map
from serving.pacs.client import Instance, Pacs
from serving.separation import JointSeparator

logger = logging.getLogger(__name__)

TOLD = 1000
"""Images of which is kept what clients say of them."""


class Radiographs(Datastore):
    """Radiographs of a PACS that speaks DICOMweb; labels are their segmentations there.

    The id of an image is its Series Instance UID, as MONAI Label has it, where the series holds one radiograph, else
    its SOP Instance UID. Nothing is listed from memory: what comes into the PACS or leaves it is seen at once.

    Args:
        separator: knows the PACS.
    """

    def __init__(self, separator: JointSeparator) -> None:
        self.separator = separator
        self._refers: dict[str, set[str]] = {}
        self._about: LRUCache[str, dict[str, Any]] = LRUCache(TOLD)

    @property
    def pacs(self) -> Pacs:
        """The PACS."""
        return self.separator.pacs

    def name(self) -> str:
        """Return the address of the PACS."""
        return self.pacs.url

    def set_name(self, name: str) -> None:
        """Refuse: the address is the name."""
        raise InputError("the name of the PACS is its address")

    def description(self) -> str:
        """Return a description in words."""
        return "Radiographs of hands in a PACS"

    def set_description(self, description: str) -> None:
        """Refuse."""
        raise InputError("the PACS has no description to set")

    def images(self) -> dict[str, Instance]:
        """Return all radiographs by their ids."""
        found = self.pacs.radiographs()
        single = Counter(where.series for where in found)
        return {where.series if single[where.series] == 1 else where.sop: where for where in found}

    def list_images(self) -> list[str]:
        """Return the ids of all radiographs."""
        return sorted(self.images())

    def get_labeled_images(self, label_tag: str | None = None, labels: list[str] | None = None) -> list[str]:
        """Return the ids of the radiographs that a segmentation in the PACS refers to."""
        return sorted(self._labeled(self.images()))

    def get_unlabeled_images(self, label_tag: str | None = None, labels: list[str] | None = None) -> list[str]:
        """Return the ids of the others."""
        images = self.images()
        return sorted(images.keys() - self._labeled(images))

    def _labeled(self, images: Mapping[str, Instance]) -> set[str]:
        present = self.pacs.segmentations()
        for where in present:
            # An object never changes: what a segmentation refers to is asked for once.
            if where.sop not in self._refers:
                for header in self.pacs.metadata(where.study, where.series):
                    self._refers[str(header.SOPInstanceUID)] = _references(header)
        self._refers = {where.sop: self._refers.get(where.sop, set()) for where in present}
        sources = set().union(*self._refers.values())
        return {name for name, where in images.items() if where.sop in sources}

    def datalist(self) -> list[dict[str, Any]]:
        """Return the ids of images that have labels."""
        return [{"image": name, "label": name} for name in self.get_labeled_images()]

    def get_image(self, image_id: str, params: Any = None) -> Any:
        """Return the radiograph as it was read."""
        return self.separator.radiograph(self.pacs.find(image_id))

    def get_image_info(self, image_id: str) -> dict[str, Any]:
        """Return the UIDs of the image, and what clients have said of it; nothing of the patient."""
        where = self.pacs.find(image_id)
        return {
            **self._about.get(where.sop, {}),
            "StudyInstanceUID": where.study,
            "SeriesInstanceUID": where.series,
            "SOPInstanceUID": where.sop,
        }

    def update_image_info(self, image_id: str, info: dict[str, Any]) -> None:
        """Keep what a client says of an image, in the place of what was said before, until the server ends."""
        # MONAI Label's strategies calculate with what is said of them.
        self._about[self.pacs.find(image_id).sop] = {name: said for name, said in info.items() if name != "strategy"}

    def save_label(self, image_id: str, label_filename: str, label_tag: str, label_info: dict[str, Any]) -> str:
        """Separate the joints of an image again with masks that a client has drawn.

        Args:
            image_id: of the image, whose joints have results already, or are named in ``label_info``.
            label_filename: label map, see :func:`serving.label_map.read`.
            label_tag: of no use here.
            label_info: may hold ``joints``.
        """
        path = Path(label_filename)
        joints = label_info.get("joints")
        separation = self.separator(image_id, joints, lambda radiograph: label_map.read(path, radiograph))
        return str(separation.answer["segmentation"]["sop_instance_uid"])

    def status(self) -> dict[str, Any]:
        """Return how many images there are, and how many have labels."""
        images = self.images()
        return {"total": len(images), "completed": len(self._labeled(images)), "label_tags": {}}

    def json(self) -> dict[str, Any]:
        """Return all images by their ids, each with its labels by their tags, as MONAI Label's own datastores do."""
        images = self.images()
        labeled = self._labeled(images)
        objects: dict[str, Any] = {
            name: {"image": {}, "labels": {"final": {}} if name in labeled else {}} for name in sorted(images)
        }
        return {"name": "PACS", "description": self.description(), "objects": objects}

    def refresh(self) -> None:
        """Do nothing: nothing is cached that could be old."""

    def _not_here(self, *_: Any, **__: Any) -> Any:
        raise InputError("not offered here: images and labels come and go by the PACS")

    get_labels_by_image_id = get_label_by_image_id = get_label = get_label_uri = _not_here
    get_image_uri = get_label_info = update_label_info = remove_label = _not_here
    add_image = remove_image = get_dataset_archive = _not_here


def _references(header: Dataset) -> set[str]:
    """Return the SOP Instance UIDs of the images that a segmentation refers to; none of a broken one."""
    try:
        return {
            str(instance.ReferencedSOPInstanceUID)
            for series in header.get("ReferencedSeriesSequence") or []
            for instance in series.get("ReferencedInstanceSequence") or []
        }
    except (AttributeError, TypeError):
        return set()

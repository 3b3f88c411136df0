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

"""Active learning: the joint whose predicted masks are least sure is the one to correct next."""

import logging
import time
from collections import OrderedDict
from collections.abc import Mapping
from threading import Lock
from typing import Any

import torch
from monailabel.interfaces.tasks.strategy import Strategy

from scripts.errors import InputError
from scripts.evaluation.mask_quality import doubt
from scripts.inference.incremental import KnownJoint
from scripts.inference.joint_list import PlacedJoint
from scripts.inference.regions import regions_of
from scripts.physics import LOWER
from serving.app.datastore import Radiographs
from serving.bundle import Loaded
from serving.pacs.client import Instance
from serving.pacs.result_index import Made, Results
from serving.separation import JointSeparator

logger = logging.getLogger(__name__)

REMEMBERED = 10_000
"""Joints whose figures are kept in memory, some 200 bytes each."""

PATIENCE = 20.0
"""Seconds of looking at joints; what is left is looked at next time."""


class LeastSure(Strategy):
    """Proposes a joint: of those with predicted masks the least sure, without any the first image without results.

    Args:
        separator: knows the PACS and the weights.
        results: of all radiographs in it.
    """

    def __init__(self, separator: JointSeparator, results: Results) -> None:
        super().__init__("The joint whose predicted masks are least sure")
        self.separator = separator
        self.results = results
        self._figures: OrderedDict[tuple[str, str | None], float] = OrderedDict()
        self._guard = Lock()

    def __call__(self, request: Mapping[str, Any], datastore: Radiographs) -> dict[str, Any]:
        """Propose a joint.

        Args:
            request: of no use here.
            datastore: the PACS.

        Returns:
            ``id`` of the image, ``joint``, ``box`` (top, left, bottom, right) and ``centre`` (row, column) in px of the
            image, ``unsure`` (expected share of wrong pixels, see :func:`scripts.evaluation.mask_quality.doubt`),
            ``looked_at`` and ``left``, numbers of joints; of an image without results only its ``id``; nothing if all
            is corrected.

        Raises:
            PacsAwayError: the PACS does not answer.
        """
        images = {where.sop: (name, where) for name, where in datastore.images().items()}
        loaded = self.separator.bundle.get()
        results = self.results.all([str(loaded.software.weights_sha256)])
        until, waiting = time.monotonic() + PATIENCE, 0
        found: list[tuple[float, str, KnownJoint]] = []
        for made, joint, layer, among in self._predicted([made for made in results if made.source.sop in images]):
            if (layer, loaded.software.weights_sha256) not in self._figures and time.monotonic() > until:
                waiting += 1
                continue
            unsure = self._unsure(made, joint.placed, layer, among, loaded)
            if unsure is not None:
                found.append((unsure, made.source.sop, joint))
        if found:
            unsure, sop, joint = max(found, key=lambda each: (each[0], each[1], each[2].placed.name))
            return {
                "id": images[sop][0],
                "joint": joint.placed.name,
                "box": list(joint.placed.box),
                "centre": list(joint.placed.centre),
                "unsure": round(unsure, 5),
                "looked_at": len(found),
                "left": waiting,
            }
        with_results = {made.source.sop for made in results}
        bare = sorted(name for sop, (name, _) in images.items() if sop not in with_results)
        return {"id": bare[0]} if bare else {}

    def _predicted(self, results: list[Made]) -> list[tuple[Made, KnownJoint, str, list[PlacedJoint]]]:
        """Joints that nobody has corrected, where their lower layer is, and all joints beside them."""
        joints: dict[tuple[str, str], tuple[Made, KnownJoint, str, list[PlacedJoint]]] = {}
        corrected = set()
        for made in results:
            known = self.results.joints(made)
            for joint in known:
                key = (made.source.sop, joint.placed.name)
                if joint.masks_from == "given":
                    corrected.add(key)
                # Results of the weights in use come first.
                layer = made.layers[joint.placed.name][LOWER].sop
                joints.setdefault(key, (made, joint, layer, [each.placed for each in known]))
        return [each for key, each in joints.items() if key not in corrected]

    def _unsure(
        self, made: Made, joint: PlacedJoint, layer: str, among: list[PlacedJoint], loaded: Loaded
    ) -> float | None:
        key = (layer, loaded.software.weights_sha256)
        with self._guard:
            if key in self._figures:
                self._figures.move_to_end(key)
                return self._figures[key]
        try:
            figure = self._measured(made.source, joint, among, loaded)
        except InputError as error:
            logger.warning("a joint passed over: %s", error)
            return None
        with self._guard:
            self._figures[key] = figure
            while len(self._figures) > REMEMBERED:
                self._figures.popitem(last=False)
        return figure

    def _measured(self, source: Instance, joint: PlacedJoint, among: list[PlacedJoint], loaded: Loaded) -> float:
        radiograph = self.separator.radiograph(source)
        [region] = regions_of(radiograph, source.sop, [joint], among=among)
        network: Any = loaded.network
        device = next(network.parameters()).device
        with torch.inference_mode():
            inside = network.propose(region["image"][None].to(device))[0].cpu()
        return doubt(inside, region["territory"])

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

"""Active learning: the joint whose predicted masks are least sure is proposed for correction."""

import logging
import time
from collections.abc import Mapping
from threading import Lock
from typing import Any

import torch
from cachetools import LRUCache
from monailabel.interfaces.tasks.strategy import Strategy

from scripts.errors import InputError
from scripts.inference.incremental import KnownJoint
from scripts.inference.inferer import doubt
from scripts.inference.joint_list import LocatedJoint
from scripts.inference.pipeline import Pipeline
from scripts.inference.regions import cut_region
from scripts.physics import LOWER
from serving.app.datastore import Radiographs
from serving.pacs.client import Instance
from serving.pacs.result_index import Result, ResultIndex
from serving.separation import JointSeparator

logger = logging.getLogger(__name__)

REMEMBERED = 10_000
"""Joints whose doubt is kept in memory, some 200 bytes each."""

PATIENCE = 20.0
"""Seconds of one request; joints that are left are measured by the next one."""


class LeastSure(Strategy):
    """Strategy that proposes the joint with the least sure predicted masks, or else the first image without results.

    Args:
        separator: gives access to the PACS and to the weights.
        results: of all radiographs in the PACS.
    """

    def __init__(self, separator: JointSeparator, results: ResultIndex) -> None:
        super().__init__("The joint whose predicted masks are least sure")
        self.separator = separator
        self.results = results
        self._doubts: LRUCache[tuple[str, str | None], float] = LRUCache(REMEMBERED)
        self._lock = Lock()

    def __call__(self, request: Mapping[str, Any], datastore: Radiographs) -> dict[str, Any]:
        """Propose a joint.

        Args:
            request: not used.
            datastore: the PACS.

        Returns:
            ``id`` of the image, ``joint``, ``box`` (top, left, bottom, right) and ``centre`` (row, column) in px of the
            image, ``unsure`` (expected share of wrong pixels, see :func:`doubt`), ``looked_at`` and ``left``, numbers
            of joints; of an image without results only its ``id``; an empty answer if everything is corrected.

        Raises:
            PacsAwayError: the PACS does not answer.
        """
        images = {where.sop: (name, where) for name, where in datastore.images().items()}
        pipeline = self.separator.bundle.get()
        results = self.results.all([str(pipeline.software.weights_sha256)])
        until, left = time.monotonic() + PATIENCE, 0
        found: list[tuple[float, str, KnownJoint]] = []
        present = [result for result in results if result.source.sop in images]
        for result, joint, layer, neighbours in self._predicted(present):
            key = (layer, pipeline.software.weights_sha256)
            with self._lock:
                unsure = self._doubts.get(key)
            if unsure is None:
                if found and time.monotonic() > until:
                    left += 1
                    continue
                try:
                    unsure = self._measure(result.source, joint, neighbours, pipeline)
                except InputError as error:
                    logger.warning("skipped a joint: %s", error)
                    continue
                with self._lock:
                    self._doubts[key] = unsure
            found.append((unsure, result.source.sop, joint))
        if found:
            unsure, sop, joint = max(found, key=lambda each: (each[0], each[1], each[2].located.name))
            return {
                "id": images[sop][0],
                "joint": joint.located.name,
                "box": list(joint.located.box),
                "centre": list(joint.located.centre),
                "unsure": round(unsure, 5),
                "looked_at": len(found),
                "left": left,
            }
        with_results = {result.source.sop for result in results}
        bare = sorted(name for sop, (name, _) in images.items() if sop not in with_results)
        return {"id": bare[0]} if bare else {}

    def _predicted(self, results: list[Result]) -> list[tuple[Result, KnownJoint, str, list[LocatedJoint]]]:
        """Return joints that nobody has corrected, the UID of their lower layer, and all joints of their image."""
        joints: dict[tuple[str, str], tuple[Result, KnownJoint, str, list[LocatedJoint]]] = {}
        corrected = set()
        for result in results:
            known = self.results.joints(result)
            for joint in known:
                key = (result.source.sop, joint.located.name)
                if joint.masks_from == "given":
                    corrected.add(key)
                # Results of the weights in use come first.
                layer = result.layers[joint.located.name][LOWER].sop
                joints.setdefault(key, (result, joint, layer, [each.located for each in known]))
        return [each for key, each in joints.items() if key not in corrected]

    def _measure(
        self, source: Instance, joint: KnownJoint, neighbours: list[LocatedJoint], pipeline: Pipeline
    ) -> float:
        radiograph = self.separator.radiograph(source)
        region = cut_region(radiograph, source.sop, joint.located, neighbours)
        network: Any = pipeline.compiled
        device = next(network.parameters()).device
        with torch.inference_mode():
            angle = torch.tensor([joint.angle or 0.0], device=device)
            inside = network.propose(region.image[None].to(device), angle).cpu()
        return float(doubt(inside * region.territory))

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

"""Pipeline from a radiograph or a picture to its layers; every part of the software separates by it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from monai.networks.utils import eval_mode
from torch import nn

from scripts.dicom.derive import DerivedObjects, derive
from scripts.dicom.joint import IN_TISSUE, Angle, MaskedJoint, SeparatedJoint, check_kind
from scripts.dicom.provenance import Software
from scripts.dicom.reader import Radiograph
from scripts.dicom.segmentation import whole_label_map
from scripts.errors import InputError
from scripts.files import file_sha256
from scripts.inference.inferer import SeparationInferer
from scripts.inference.joint_finder import FoundJoint, JointFinder
from scripts.inference.polarity import warn_all
from scripts.inference.regions import RadiographRegion, Region
from scripts.inference.split import SeparatedRegion, split_region
from scripts.networks import backend
from scripts.networks.finder import Finder


@dataclass(frozen=True, kw_only=True)
class SeparatedRadiograph:
    """Results of one radiograph.

    Attributes:
        radiograph: the source.
        file: its name.
        joints: all of its joints in the order of their Instance Numbers; those separated now are
            :class:`~scripts.dicom.joint.SeparatedJoint`.
        regions: of the joints separated now, by the joint's name.
        objects: DX layers of the joints separated now, and the segmentation of all.
    """

    radiograph: Radiograph
    file: str
    joints: Sequence[MaskedJoint]
    regions: Mapping[str, SeparatedRegion]
    objects: DerivedObjects

    @cached_property
    def labels(self) -> np.ndarray:
        """(rows, columns) uint8, label map of all joints."""
        return whole_label_map(self.joints, self.radiograph.levels.shape)


class Pipeline:
    """Separation of one region, or of the joints of one radiograph.

    Args:
        network: a :class:`scripts.networks.separator.Separator`, or one that answers as it does.
        inferer: runs it.
        version: of the bundle.
        weights: file of the network's weights, whose SHA-256 goes into the results.
        kind: of the layers, see :data:`scripts.dicom.joint.KINDS`.
        as_answered: see :func:`scripts.inference.split.split_region`.
        backend: what runs the network, see :func:`scripts.networks.backend.choose`.

    Raises:
        ValueError: an unknown kind.
    """

    def __init__(
        self,
        network: nn.Module,
        inferer: SeparationInferer,
        *,
        version: str,
        weights: str | Path | None = None,
        kind: str = IN_TISSUE,
        as_answered: bool = False,
        backend: str = "torch",
    ) -> None:
        check_kind(kind)
        self.network = network
        self.inferer = inferer
        self.version = version
        self.weights = weights
        self.kind = kind
        self.as_answered = as_answered
        self.backend = backend

    def __getstate__(self) -> dict[str, Any]:
        """Return what another process needs: it compiles the network for itself."""
        return {name: value for name, value in self.__dict__.items() if name != "compiled"}

    @cached_property
    def software(self) -> Software:
        """Version and weights, which sign the results; the weights' file is read when this is first asked for."""
        return Software(version=self.version, weights_sha256=file_sha256(self.weights))

    @property
    def can_find(self) -> bool:
        """Return whether the network has a finder of joints; the paper's, and weights before 0.8.0, have none."""
        return getattr(self.network, "finder", None) is not None

    def find(self, radiograph: Radiograph) -> list[FoundJoint]:
        """Find the joints of a whole radiograph, see :class:`scripts.inference.joint_finder.JointFinder`.

        Raises:
            InputError: the network has no finder.
        """
        if not self.can_find:
            raise InputError("these weights find no joints: name the joints of each radiograph")
        return JointFinder(cast(Finder, self.compiled.finder)).find(radiograph)

    @cached_property
    def compiled(self) -> nn.Module:
        """The network as the backend runs it; with the weights that it has when this is first asked for."""
        return backend.compiled(self.network, self.backend, self.weights)

    def separate_region(self, region: Region) -> SeparatedRegion:
        """Separate one region: a picture, or a joint of a radiograph."""
        device = next((each.device for each in self.network.parameters()), torch.device("cpu"))
        inputs = {name: value.to(device) for name, value in region.network_inputs().items()}
        with eval_mode(self.compiled), torch.inference_mode():
            image = region.image[None].to(device)
            masks, angle = self.inferer.outline(image, self.compiled, **inputs)
            pred = self.inferer(image, self.compiled, masks=masks, angle=angle)[0]
        return split_region(region, pred, angle=float(angle), kind=self.kind, as_answered=self.as_answered)

    def separate_radiograph(
        self, radiograph: Radiograph, file: str, joints: Sequence[RadiographRegion | MaskedJoint]
    ) -> SeparatedRadiograph:
        """Separate joints of a radiograph and derive the DICOM objects.

        Args:
            radiograph: the source.
            file: its name, for refusals.
            joints: all joints of the radiograph, in the order of their Instance Numbers: the region of one to
                separate, or the masks of one whose layers exist already.

        Raises:
            InputError: as :func:`scripts.dicom.derive.derive`; or the header holds what cannot be carried over.
        """
        regions = {joint.name: self.separate_region(joint) for joint in joints if isinstance(joint, RadiographRegion)}
        warn_all([separated.record for separated in regions.values()])
        masked = [
            _separated_joint(joint, regions[joint.name]) if isinstance(joint, RadiographRegion) else joint
            for joint in joints
        ]
        try:
            objects = derive(radiograph, masked, self.software)
        except InputError:
            raise
        except Exception as error:  # no check foresaw it; its text may be the patient's
            raise InputError(f"{file}: its header cannot be carried over ({type(error).__name__})") from error
        return SeparatedRadiograph(radiograph=radiograph, file=file, joints=masked, regions=regions, objects=objects)


def _separated_joint(region: RadiographRegion, separated: SeparatedRegion) -> SeparatedJoint:
    record = separated.record
    return SeparatedJoint(
        name=region.name,
        box=region.joint.box,
        layers=separated.layers.numpy(),
        kind=separated.kind,
        masks=separated.masks.numpy(),
        soft_tissue=separated.soft_tissue,
        white=separated.white,
        masks_from=record["masks"],
        centre=region.joint.centre,
        territory=region.territory.numpy(),
        warnings=(*record["warnings"], *record["notes"]),
        angle=Angle(record["angle"], record["angle_from"]),
        confidence=region.joint.confidence,
    )

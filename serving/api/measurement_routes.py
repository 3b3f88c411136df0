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

"""Routes for the measurement of joint spaces over visits; answered off the event loop."""

from typing import Annotated, Any

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Depends
from monailabel.config import settings
from monailabel.endpoints.user.auth import RBAC
from monailabel.interfaces.utils.app import app_instance
from pydantic import BaseModel, ConfigDict, Field

from scripts.errors import InputError

LIMITER = CapacityLimiter(2)
"""Limit of requests that measure at a time; the others wait."""

Coordinate = Annotated[float, Field(ge=-1e6, le=1e6, allow_inf_nan=False)]
Point = tuple[Coordinate, Coordinate]
Uid = Annotated[str, Field(max_length=64)]

router = APIRouter(prefix="/measurements", dependencies=[Depends(RBAC(settings.MONAI_LABEL_AUTH_ROLE_USER))])


class Place(BaseModel):
    """Place of a joint in a radiograph: the name of its result, or a point.

    Attributes:
        joint: name of a separated joint.
        x, y: column and row of a point on the joint, px.
    """

    model_config = ConfigDict(extra="ignore")

    joint: Annotated[str, Field(max_length=32)] = ""
    x: Coordinate | None = None
    y: Coordinate | None = None

    @property
    def at(self) -> tuple[float, float] | None:
        """The point.

        Raises:
            InputError: half of one, or neither a point nor a name.
        """
        if self.x is not None and self.y is not None:
            return self.x, self.y
        if self.x is not None or self.y is not None or not self.joint:
            raise InputError("measurements: expected joint, or x and y of a point on it, got neither")
        return None


class Moved(BaseModel):
    """Lines that a reader has moved.

    Attributes:
        lines: SOP Instance UID of a visit's radiograph -> row and column of the end on the phalanx, and of that on the
            metacarpal head.
    """

    model_config = ConfigDict(extra="ignore")

    lines: Annotated[
        dict[Annotated[str, Field(max_length=64)], tuple[Point, Point]], Field(min_length=1, max_length=64)
    ]


@router.get("/earlier")
async def earlier(image: str = "") -> dict[str, Any]:
    """Find the earlier visits of the hand of a radiograph: ``image`` its SOP Instance UID."""
    return await _run("earlier", _named(image))


@router.get("")
async def stored(image: str = "") -> dict[str, Any]:
    """Return the joints of the stored report of a radiograph."""
    return await _run("stored", _named(image))


@router.post("")
async def measure(place: Place, image: str = "") -> dict[str, Any]:
    """Measure a joint over all visits of its hand, and store the report in the study of ``image``, the latest visit."""
    return await _run("measure", _named(image), place.joint, place.at)


@router.put("")
async def move_lines(moved: Moved, image: str = "", joint: str = "") -> dict[str, Any]:
    """Measure a joint of the report anew with lines that a reader has moved, and store it."""
    return await _run("move_lines", _named(image), _named(joint, "joint"), moved.lines)


@router.delete("")
async def leave_out(image: str = "", joint: str = "") -> dict[str, Any]:
    """Take a joint out of the report."""
    return await _run("leave_out", _named(image), _named(joint, "joint"))


@router.get("/pictures")
async def pictures(first: int, second: int, image: str = "", joint: str = "") -> dict[str, Any]:
    """Draw two visits of a joint of the report, aligned on the metacarpal."""
    return await _run("compare", _named(image), _named(joint, "joint"), first, second)


def _named(value: str, name: str = "image") -> str:
    if not value:
        what = "the UID of a radiograph in the PACS" if name == "image" else "the name of a joint"
        raise InputError(f"{name}: expected {what}, got nothing")
    return value


async def _run(method: str, *arguments: Any) -> dict[str, Any]:
    answer: dict[str, Any] = await to_thread.run_sync(
        getattr(app_instance().measurement, method), *arguments, limiter=LIMITER
    )
    return answer

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

"""Routes for the list of images and what is said of them; all else of MONAI Label's datastore is refused."""

from enum import StrEnum
from typing import Any

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Depends, Request
from monailabel.config import settings
from monailabel.endpoints.user.auth import RBAC
from monailabel.interfaces.utils.app import app_instance

from scripts.errors import InputError
from serving.api.request_body import read_form

LIMITER = CapacityLimiter(4)
"""Limit of requests that list images at a time; the others wait."""

LARGEST_INFO = 2**14
"""Characters that a client may say of an image."""

for_all = [Depends(RBAC(settings.MONAI_LABEL_AUTH_ROLE_USER))]
for_annotators = [Depends(RBAC(settings.MONAI_LABEL_AUTH_ROLE_ANNOTATOR))]

router = APIRouter(prefix="/datastore")


class Listing(StrEnum):
    """Content of the answer."""

    train = "train"
    stats = "stats"
    all = "all"


@router.get("/", dependencies=for_all)
async def images(output: Listing = Listing.stats) -> Any:
    """Return all images (``all``), those with labels (``train``), or their numbers (``stats``)."""
    datastore = app_instance().datastore()
    found = {Listing.all: datastore.json, Listing.train: datastore.datalist, Listing.stats: datastore.status}
    return await to_thread.run_sync(found[output], limiter=LIMITER)


@router.get("/image/info", dependencies=for_all)
async def info(image: str = "") -> dict[str, Any]:
    """Return the UIDs of an image, and what clients have said of it."""
    found: dict[str, Any] = await to_thread.run_sync(app_instance().datastore().get_image_info, image, limiter=LIMITER)
    return found


@router.put("/image/info", dependencies=for_annotators)
async def say(request: Request, image: str = "") -> dict[str, Any]:
    """Keep what a client says of an image, until the server ends."""
    async with read_form(request, "info") as form:
        said = form.params
        if len(str(said)) > LARGEST_INFO:
            raise InputError(f"info: expected at most {LARGEST_INFO:,} characters, got {len(str(said)):,}")
        await to_thread.run_sync(app_instance().datastore().update_image_info, image, said, limiter=LIMITER)
    return {}


@router.api_route(
    "/{path:path}",
    methods=["GET", "HEAD", "PUT", "POST", "DELETE"],
    dependencies=for_all,
    include_in_schema=False,
)
async def other(path: str) -> None:
    """Refuse labels as files of the server, images by upload, and removals."""
    raise InputError("not offered here: images and labels come and go by the PACS")

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

"""Routes for the status of the DICOM node that works in the state's folder, if one does."""

from typing import Any

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Depends
from fastapi.responses import HTMLResponse
from monailabel.config import settings
from monailabel.endpoints.user.auth import RBAC
from monailabel.interfaces.utils.app import app_instance

from serving.node.status import page, status

LIMITER = CapacityLimiter(2)
"""Limit of requests that read the journal at a time; the others wait."""

router = APIRouter(dependencies=[Depends(RBAC(settings.MONAI_LABEL_AUTH_ROLE_USER))])


@router.get("/node.json")
async def told() -> dict[str, Any]:
    """Return how many objects are in each state, and the last ones."""
    return await to_thread.run_sync(status, app_instance().journal.database, limiter=LIMITER)


@router.get("/node", include_in_schema=False)
async def shown() -> HTMLResponse:
    """Return the same as a page."""
    return HTMLResponse(page(await told()), headers={"cache-control": "no-store"})

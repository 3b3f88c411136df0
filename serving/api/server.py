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

"""Server of MONAI Label, inference, the PACS and the viewer at one origin: an ASGI app for MONAI Label's command.

``python -m monailabel.main start_server --app serving/app --studies URL --uvicorn_app serving.api.server:app``
"""

import asyncio
import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from anyio import to_thread
from fastapi import FastAPI
from monailabel.app import app as monai_label
from monailabel.config import settings
from monailabel.interfaces.utils.app import app_instance
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

from serving.api import (
    auth,
    background_tasks,
    batch_routes,
    datastore_routes,
    dicomweb_proxy,
    infer_routes,
    measurement_routes,
    node_routes,
    train_routes,
)
from serving.api.middleware import Guard, answer_failures
from serving.api.security_headers import security_headers
from serving.bundle import ROOT
from serving.local.ohif_download import VERSION
from serving.private_files import PRIVATE

logger = logging.getLogger(__name__)

OHIF = Path(os.environ.get("BLS_GAN_OHIF", ROOT / ".serve" / "ohif" / VERSION / "dist"))
"""Static files of the viewer, from the npm package @ohif/app."""

EXTENSION = ROOT / "serving" / "ohif"

LABEL_ROUTES = ("auth", "info", "model", "openapi.json")
"""Routes of MONAI Label that are offered as they are. Ours replace its viewer, its proxy, and all that take a body;
sessions, slides and scores are not needed.

Its pages of logs and of its own interface are not offered: they fetch scripts from other machines.
"""

RECOVER_EVERY = 5.0
"""Seconds between two recoveries from a crash of the PACS or of the server."""


class Viewer:
    """Static files of OHIF with our config and extension; other addresses are pages of the viewer."""

    def __init__(self) -> None:
        self.dist = StaticFiles(directory=OHIF, check_dir=False)
        self.extension = StaticFiles(directory=EXTENSION)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a file."""
        path = scope["path"].lstrip("/")
        answer: Response
        try:
            found = (OHIF / path).is_file()
        except (OSError, ValueError):
            # Too long for a file's name, or with a zero in it.
            answer = JSONResponse({"detail": f"nothing at /{path[:64]!r}"}, 404)
            return await answer(scope, receive, send)
        if scope["method"] not in ("GET", "HEAD"):
            answer = JSONResponse({"detail": f"nothing at /{path[:64]}"}, 404)
        elif path == "app-config.js" or path.startswith("bls-gan/"):
            answer = await self.extension.get_response(path.removeprefix("bls-gan/"), scope)
            answer.headers["cache-control"] = "no-cache"
        elif found and ".." not in path:
            answer = await self.dist.get_response(path, scope)
        elif "." in path.rsplit("/", 1)[-1]:
            answer = JSONResponse({"detail": f"nothing at /{path[:64]}"}, 404)
        elif (OHIF / "index.html").is_file():
            answer = FileResponse(OHIF / "index.html", headers={"cache-control": "no-cache"})
        else:
            answer = JSONResponse({"detail": "the viewer is not installed: make serve fetches it"}, 404)
        await answer(scope, receive, send)


class Site:
    """App that passes requests to MONAI Label or to the viewer, by their path."""

    def __init__(self) -> None:
        self.viewer = Viewer()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        first = scope["path"].lstrip("/").split("/", 1)[0]
        if first == "model" and scope["method"] not in ("GET", "HEAD"):
            # MONAI Label would overwrite the weights with the file that is sent, or move them away.
            refusal = JSONResponse({"detail": "weights are read only: a training brings new ones"}, 405)
            await refusal(scope, receive, send)
        else:
            await (monai_label if first in LABEL_ROUTES else self.viewer)(scope, receive, send)


async def _recover() -> None:
    """Finish or undo at intervals what crashes have left."""
    while True:
        with suppress(Exception):
            await to_thread.run_sync(app_instance().journal.recover)
        await asyncio.sleep(RECOVER_EVERY)


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    """Load the weights before the first request, and start the recovery."""
    async with monai_label.router.lifespan_context(monai_label):
        await to_thread.run_sync(app_instance().warm_up)
        recovering = asyncio.create_task(_recover())
        try:
            yield
        finally:
            recovering.cancel()
            await dicomweb_proxy.upstream.close()


# However it was started: what it writes is nobody else's to read.
os.umask(PRIVATE)
# The guard adds the CORS headers; a browser refuses two of a kind.
monai_label.user_middleware.clear()

site = FastAPI(title="BLS-GAN", docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan)
for each in (site, monai_label):
    answer_failures(each)
auth.patch_login(site, monai_label)
background_tasks.tell_failed_starts()
for routes in (
    *(infer_routes, measurement_routes, datastore_routes, batch_routes, train_routes),
    *(node_routes, dicomweb_proxy),
):
    site.include_router(routes.router)
if settings.MONAI_LABEL_AUTH_ENABLE:
    site.include_router(auth.router)
site.mount("/", Site())

app = Guard(
    site,
    origins=[str(origin) for origin in settings.MONAI_LABEL_CORS_ORIGINS],
    hosts=os.environ.get("BLS_GAN_HOSTS", "").split(","),
    headers=security_headers(
        OHIF / "index.html", settings.MONAI_LABEL_AUTH_REALM_URI if settings.MONAI_LABEL_AUTH_ENABLE else ""
    ),
)

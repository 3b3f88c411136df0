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

"""Server of the status page, on this machine only."""

import threading
import time

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from scripts.errors import InputError
from serving.database import Database
from serving.node.status import page, status

HOST = "127.0.0.1"
NAMES = [HOST, "localhost"]

HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
}

START_TIMEOUT = 10.0
"""Seconds to wait for the start."""


class StatusServer:
    """Server of the status page at ``/`` and of the same as JSON at ``/node.json``.

    Args:
        database: of the state folder.
        port: number at which it listens.

    Raises:
        InputError: the port cannot be listened at.
    """

    def __init__(self, database: Database, port: int) -> None:
        self.database = database
        routes = [Route("/", self._page), Route("/node", self._page), Route("/node.json", self._json)]
        # A page of another machine that has a name for this address in DNS reads nothing.
        app = Starlette(routes=routes, middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=NAMES)])
        config = uvicorn.Config(app, host=HOST, port=port, log_level="critical", lifespan="off")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._run, name="status", daemon=True)
        self._thread.start()
        until = time.monotonic() + START_TIMEOUT
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > until:
                raise InputError(f"status_port: expected a free port, got {port}")
            time.sleep(0.02)

    def stop(self) -> None:
        """Stop the server."""
        self._server.should_exit = True
        self._thread.join()

    def _run(self) -> None:
        try:
            self._server.run()
        except SystemExit:
            return

    def _page(self, _: Request) -> Response:
        return HTMLResponse(page(status(self.database)), headers=HEADERS)

    def _json(self, _: Request) -> Response:
        return JSONResponse(status(self.database), headers=HEADERS)

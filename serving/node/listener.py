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

"""Listener: the node's DICOM server, for C-STORE of all storage classes and C-ECHO."""

import logging
import socket
import ssl
import threading
from typing import Any

from pydicom.uid import UID
from pynetdicom import AE, ALL_TRANSFER_SYNTAXES, AllStoragePresentationContexts, evt
from pynetdicom.association import Association
from pynetdicom.events import Event
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]
from pynetdicom.transport import RequestHandler, ThreadedAssociationServer

from scripts.errors import InputError
from serving.node.object_limit import LARGEST_PIECE, limit_object
from serving.node.options import Options
from serving.node.reception import SUCCESS, Reception
from serving.node.tls import listening_context

logger = logging.getLogger(__name__)

IDLE = 60.0
"""Seconds without a word after which an association is ended."""


class Listener:
    """DICOM server of the node, which runs in threads of its own from the start.

    Args:
        options: title, address, port, who is let in, limits, TLS.
        reception: of objects.

    Raises:
        InputError: the address cannot be listened at, or the files for TLS cannot be used.
    """

    def __init__(self, options: Options, reception: Reception) -> None:
        entity = AE(ae_title=options.aet)
        entity.require_called_aet = True
        entity.require_calling_aet = list(options.calling_aets)
        entity.maximum_pdu_size = options.max_pdu
        entity.maximum_associations = options.max_associations
        entity.network_timeout = entity.dimse_timeout = IDLE
        # A deflated data set of 1 MB can take gigabytes; who has one sends it in another transfer syntax.
        syntaxes = [syntax for syntax in ALL_TRANSFER_SYNTAXES if not UID(syntax).is_deflated]
        for context in AllStoragePresentationContexts:
            entity.add_supported_context(str(context.abstract_syntax), syntaxes)
        entity.add_supported_context(Verification)
        tls = options.tls_files
        handlers: list[Any] = [
            (evt.EVT_C_ECHO, lambda _: SUCCESS),
            (evt.EVT_C_STORE, reception.store),
            (evt.EVT_PDU_RECV, limit_object, [options.largest_bytes]),
            (evt.EVT_REJECTED, _say_rejected),
        ]
        try:
            self._server = entity.make_server(
                (options.host, options.port),
                evt_handlers=handlers,
                ssl_context=listening_context(tls) if tls else None,
                server_class=_Server,
                request_handler=_Connection,
            )
        except OSError as error:
            where = f"{options.host}:{options.port}"
            raise InputError(f"{where}: expected an address to listen at, got {error.strerror or error}") from error
        # As AE.start_server has it, which takes no server of another class.
        entity._servers.append(self._server)  # type: ignore[arg-type]
        self.port = int(self._server.server_address[1])
        self._entity = entity
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), name="listener", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop listening, and abort the associations that are open: what was not acknowledged is sent again."""
        self._entity.shutdown()


class _Server(ThreadedAssociationServer):
    """Server that leaves the handshake of TLS to the association: a client that is silent then keeps nobody waiting."""

    def get_request(self) -> tuple[socket.socket, tuple[str, int]]:
        """Take a connection."""
        client, address = self.socket.accept()  # type: ignore[union-attr]
        client.settimeout(IDLE)
        if self.ssl_context:
            client = self.ssl_context.wrap_socket(client, server_side=True, do_handshake_on_connect=False)
        return client, address

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say that a connection has failed, without the text of the failure."""
        logger.warning("a connection has failed before its association began")


class _Connection(RequestHandler):
    """Connection that reads no piece above the limit."""

    def handle(self) -> None:
        """Make the handshake of TLS, if there is one, then the association."""
        if isinstance(self.request, ssl.SSLSocket):
            self.request.do_handshake()
        super().handle()

    def _create_association(self) -> Association:
        association = super()._create_association()
        connection: Any = association.dul.socket
        receive = connection.recv

        def limited(size: int) -> bytearray:
            if size > LARGEST_PIECE:
                raise OSError(f"expected at most {LARGEST_PIECE} bytes, got {size}")
            received: bytearray = receive(size)
            return received

        connection.recv = limited
        return association


def _say_rejected(event: Event) -> None:
    logger.warning("an association of %r was rejected", event.assoc.requestor.ae_title)

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

"""Destination of results by C-STORE."""

import copy
from collections.abc import Sequence

from pydicom import Dataset
from pydicom.uid import ExplicitVRLittleEndian
from pynetdicom import AE, build_context
from pynetdicom.association import Association

from serving.node.options import Peer
from serving.node.tls import TlsFiles, sending_context
from serving.pacs.errors import PacsAwayError

TAKEN = (0x0000, 0x0111, 0xB000, 0xB006, 0xB007)
"""Statuses of an object that is at its destination: stored, there already, stored with a remark (PS3.4, B.2.3)."""

TIMEOUT = 30.0
"""Seconds to wait for an answer."""


class StorageUser:
    """DICOM node that results are sent to.

    Args:
        peer: the node.
        aet: AE title of this one.
        tls: files for TLS, if it is to be used.

    Raises:
        InputError: the files for TLS cannot be used.
    """

    def __init__(self, peer: Peer, aet: str, tls: TlsFiles | None = None) -> None:
        self.peer = peer
        self.aet = aet
        self.name = f"{peer.aet}@{peer.host}:{peer.port}"
        self._tls = (sending_context(tls), peer.host) if tls else None

    def send(self, source: str, objects: Sequence[Dataset]) -> None:
        """Send results in one association, as :meth:`serving.node.destination.Destination.send` says."""
        association = self._associate(objects)
        try:
            for each in objects:
                self._store(association, each)
        finally:
            if association.is_established:
                association.release()

    def _associate(self, objects: Sequence[Dataset]) -> Association:
        entity = AE(ae_title=self.aet)
        entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = entity.connection_timeout = TIMEOUT
        pairs = {(str(each.SOPClassUID), str(each.file_meta.TransferSyntaxUID)) for each in objects}
        pairs |= {(kind, str(ExplicitVRLittleEndian)) for kind, _ in pairs}
        association = entity.associate(
            self.peer.host,
            self.peer.port,
            contexts=[build_context(kind, syntax) for kind, syntax in sorted(pairs)],
            ae_title=self.peer.aet,
            tls_args=self._tls,
        )
        if association.is_established:
            return association
        why = "rejects the association" if association.is_rejected else "does not answer"
        raise PacsAwayError(f"{self.name} {why}")

    def _store(self, association: Association, dataset: Dataset) -> None:
        accepted = {(str(each.abstract_syntax), str(each.transfer_syntax[0])) for each in association.accepted_contexts}
        kind, syntax = str(dataset.SOPClassUID), str(dataset.file_meta.TransferSyntaxUID)
        if (kind, syntax) not in accepted:
            if (kind, str(ExplicitVRLittleEndian)) not in accepted:
                raise PacsAwayError(f"{self.name} does not take objects of class {kind}")
            dataset = copy.deepcopy(dataset)
            dataset.decompress(generate_instance_uid=False)
        try:
            status = association.send_c_store(dataset).get("Status")
        except (RuntimeError, ValueError) as error:
            raise PacsAwayError(f"{self.name} has ended the association") from error
        if status is None:
            raise PacsAwayError(f"{self.name} has ended the association")
        if status not in TAKEN:
            raise PacsAwayError(f"{self.name} answered {status:04X}H to a store")

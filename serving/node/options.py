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

"""Options of the node, as its command takes them."""

import re
from dataclasses import dataclass
from pathlib import Path

from scripts.errors import InputError
from serving.bundle import ROOT
from serving.node.tls import TlsFiles, listening_files, sending_files

TITLE = re.compile(r"[!-\[\]-~](?:[ -\[\]-~]{0,14}[!-\[\]-~])?")
"""AE title: 1 to 16 characters, no backslash, no space at its ends (DICOM PS3.5, table 6.2-1)."""

PEER = re.compile(r"(?P<aet>.+)@(?P<host>[^@\s]+):(?P<port>\d{1,5})")

LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class Peer:
    """Another DICOM node.

    Attributes:
        aet: its AE title.
        host: name or address.
        port: number.
    """

    aet: str
    host: str
    port: int


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options of the node.

    Args:
        send_to: where results go by C-STORE: AET@host:port.
        store: where results go by STOW-RS instead: address of DICOMweb services; user and password, if it asks for
            them, are MONAI_LABEL_DICOMWEB_USERNAME and _PASSWORD of the environment.
        orthanc: address of Orthanc's own interface, if store is an Orthanc's.
        send_tls: TLS for sending: AUTHORITY or AUTHORITY,CERTIFICATE,KEY, files in PEM.
        aet: AE title of the node, by which it has to be called.
        host: address to listen at.
        port: number to listen at.
        callers: AE titles that may send, commas between them; * for all. Everybody may who reaches 127.0.0.1; at
            another address they have to be named.
        tls: TLS for listening: CERTIFICATE,KEY or CERTIFICATE,KEY,AUTHORITY; with an authority only those may send
            whose certificate it has signed.
        max_pdu: largest protocol data unit that is taken, bytes, 4096 to 1048576.
        max_associations: associations that may be open at a time.
        largest: MiB of an object that is taken.
        quiet: seconds after the last object of a study from which it is worked on, if its association stays open.
        status_port: number at which the status page is, on 127.0.0.1; 0 for none.
        state: folder for the journal, the spool and weights other than the shipped ones; that of the server, if one
            serves the same PACS.

    Raises:
        InputError: a value that cannot be.
    """

    send_to: str = ""
    store: str = ""
    orthanc: str = ""
    send_tls: str | tuple[str, ...] = ""
    aet: str = "BLS_GAN"
    host: str = "127.0.0.1"
    port: int = 11112
    callers: str | tuple[str, ...] = ""
    tls: str | tuple[str, ...] = ""
    max_pdu: int = 65536
    max_associations: int = 10
    largest: float = 128
    quiet: float = 5
    status_port: int = 0
    state: str = str(ROOT / ".node")

    def __post_init__(self) -> None:
        if bool(self.send_to) == bool(self.store):
            raise InputError("expected send_to (AET@host:port) or store (address of DICOMweb services), one of both")
        if self.store and not self.store.startswith(("http://", "https://")):
            raise InputError(f"store: expected the address of DICOMweb services, got {self.store!r}")
        # The command line takes a title of digits for a number.
        object.__setattr__(self, "aet", str(self.aet))
        check_title("aet", self.aet)
        for name, least, most in (
            ("port", 0, 65535),
            ("status_port", 0, 65535),
            ("max_pdu", 4096, 2**20),
            ("max_associations", 1, 1000),
            ("largest", 0.001, 512),
            ("quiet", 0, 3600),
        ):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value <= most:
                raise InputError(f"{name}: expected a number from {least} to {most}, got {value!r}")
        for title in self.calling_aets:
            check_title("callers", title)
        if not _list(self.callers) and self.host not in LOOPBACK:
            raise InputError(f"callers: expected AE titles that may send to {self.host}, or * for all, got none")
        _ = self.peer, self.tls_files, self.send_tls_files

    @property
    def calling_aets(self) -> tuple[str, ...]:
        """AE titles that may send; none: all."""
        titles = tuple(_list(self.callers))
        return () if titles == ("*",) else titles

    @property
    def peer(self) -> Peer | None:
        """The node that results are sent to, if they go by C-STORE."""
        if not self.send_to:
            return None
        parts = PEER.fullmatch(str(self.send_to).strip())
        if parts is None or not 0 < int(parts["port"]) < 65536:
            raise InputError(f"send_to: expected AET@host:port, got {self.send_to!r}")
        check_title("send_to", parts["aet"])
        return Peer(parts["aet"], parts["host"].strip("[]"), int(parts["port"]))

    @property
    def tls_files(self) -> TlsFiles | None:
        """Files for listening by TLS."""
        return listening_files(",".join(_list(self.tls)))

    @property
    def send_tls_files(self) -> TlsFiles | None:
        """Files for sending by TLS."""
        return sending_files(",".join(_list(self.send_tls)))

    @property
    def largest_bytes(self) -> int:
        """Bytes of an object that is taken."""
        return int(self.largest * 2**20)

    @property
    def folder(self) -> Path:
        """The state's folder."""
        return Path(self.state).resolve()


def check_title(option: str, title: str) -> None:
    """Check an AE title.

    Raises:
        InputError: it is none.
    """
    if not TITLE.fullmatch(title):
        raise InputError(f"{option}: expected an AE title of 1 to 16 characters, got {title!r}")


def _list(value: object) -> list[str]:
    """Return the parts of a list with commas, which the command line may have taken apart already."""
    parts = value if isinstance(value, (tuple, list)) else str(value).split(",")
    return [str(part).strip() for part in parts if str(part).strip()]

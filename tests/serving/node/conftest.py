"""Fixtures of the DICOM node: one that listens only, one that does all of its work, and what is sent to it."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset

from serving.bundle import ROOT, Bundle
from serving.database import Database
from serving.node.arrivals import Arrivals
from serving.node.listener import Listener
from serving.node.node import Node
from serving.node.options import Options
from serving.node.pauses import Pauses
from serving.node.received import ReceivedObjects
from serving.node.reception import Reception
from serving.node.spool import Spool
from tests.support.dicom_archive import DicomArchive
from tests.support.modality import anew

PAUSES = Pauses(first=0.05, longest=0.5)


@dataclass
class Listening:
    """Parts of a node that take objects, and work on none."""

    received: ReceivedObjects
    spool: Spool
    arrivals: Arrivals
    listener: Listener

    @property
    def port(self) -> int:
        return self.listener.port

    @property
    def files(self) -> list[Path]:
        return [path for path in self.spool.sources.parent.rglob("*") if path.is_file()]


@pytest.fixture
def listen(tmp_path: Path) -> Iterator[Callable[..., Listening]]:
    """Return a function that starts a listener with some options."""
    running: list[Listener] = []

    def started(**options: Any) -> Listening:
        chosen = Options(**{"send_to": "NONE@127.0.0.1:9", "port": 0, "state": str(tmp_path), **options})
        received, spool = ReceivedObjects(Database(tmp_path)), Spool(tmp_path / "spool")
        arrivals = Arrivals(chosen.quiet)
        listener = Listener(chosen, Reception(received, spool, arrivals, chosen.largest_bytes))
        running.append(listener)
        return Listening(received, spool, arrivals, listener)

    yield started
    for listener in running:
        listener.stop()


@pytest.fixture
def archive() -> Iterator[DicomArchive]:
    """Yield a running archive that results are sent to."""
    with DicomArchive() as running:
        yield running


@pytest.fixture(scope="session")
def bundle() -> Bundle:
    """Return the bundle, loaded once for all tests of the node."""
    return Bundle(ROOT / "models" / "model.pt")


@pytest.fixture(scope="session")
def drawn(draw: Any) -> Any:
    """Return a small drawn hand, uncompressed, whose joints are known."""
    return draw(31)


@pytest.fixture
def known(drawn: Any) -> Callable[[Any], list[dict[str, Any]]]:
    """Return a function that knows two joints of the drawn hand, whatever its UIDs."""
    rows = [{"joint": name, **where} for name, where in zip(("MCP2", "MCP3"), drawn.at("MCP2", "MCP3"), strict=True)]
    return lambda _: rows


@pytest.fixture
def image(drawn: Any) -> Callable[[str], Dataset]:
    """Return a function that copies the drawn hand, with UIDs of its own for each text."""
    return lambda seed: anew(drawn.dataset, seed)


@pytest.fixture
def node(tmp_path: Path, archive: DicomArchive, bundle: Bundle, known: Any) -> Iterator[Callable[..., Node]]:
    """Return a function that starts a whole node, which sends to the archive unless it is told something else."""
    running: list[Node] = []

    def started(*, find_joints: Any = known, destination: Any = None, **options: Any) -> Node:
        chosen = Options(**{"send_to": archive.address, "port": 0, "state": str(tmp_path), **options})
        new = Node(chosen, find_joints=find_joints, bundle=bundle, destination=destination, pauses=PAUSES)
        running.append(new)
        return new

    yield started
    for each in running:
        each.stop()


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with an authority, and certificates for 127.0.0.1 of a server and of a client."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    folder = tmp_path_factory.mktemp("certificates")

    def openssl(*words: str) -> None:
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)

    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=test authority", "-days", "2")
    for name in ("server", "client"):
        openssl(
            *("req", "-x509", *key, "-keyout", f"{name}.key", "-out", f"{name}.pem", "-subj", f"/CN={name}"),
            *("-days", "2", "-CA", "ca.pem", "-CAkey", "ca.key", "-addext", "subjectAltName=IP:127.0.0.1"),
            *("-addext", "basicConstraints=critical,CA:FALSE"),
        )
    return folder

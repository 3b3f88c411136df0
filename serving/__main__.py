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

"""Command ``python -m serving``: a PACS, MONAI Label with our app, and the viewer, on this machine, until Ctrl-C."""

import logging
import os
import signal
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import FrameType
from typing import Any

import fire
from pydicom import dcmread

from scripts.errors import exit_on_input_error
from scripts.phantoms.hand import draw_hand
from scripts.phantoms.hand_files import save
from serving.bundle import ROOT
from serving.local.dicom_node import DicomNode
from serving.local.monailabel import LabelServer
from serving.local.ohif_download import viewer
from serving.local.orthanc import Orthanc, free_port
from serving.local.process import Service
from serving.pacs.client import Pacs
from serving.private_files import PRIVATE, private_folder

logger = logging.getLogger(__name__)

SAMPLE = ROOT / "samples" / "hand" / "hand_000_right.dcm"


def sample_hands(folder: Path) -> list[Path]:
    """Return the files of two drawn hands: the sample, and a left hand, which is drawn at the first start."""
    left = folder / "hand_001_left.dcm"
    if not left.is_file():
        partial = folder / "partial" / left.name
        save(draw_hand(1, hand="left"), partial, number=1)
        partial.rename(left)
    return [SAMPLE, left]


def main(
    studies: str = "",
    host: str = "127.0.0.1",
    port: int = 8000,
    state: str = str(ROOT / ".serve"),
    orthanc: str = "",
    node_port: int = 0,
    node_aet: str = "BLS_GAN",
    node_callers: str | tuple[str, ...] = "",
) -> None:
    """Start PACS, server and viewer, and wait until Ctrl-C.

    Args:
        studies: address of the DICOMweb services of an existing PACS; without it an Orthanc is started.
        host: address to listen at. Everybody who reaches it can read the PACS, unless a login is set up: see
            docs/serving.md.
        port: number to listen at, or the next free one.
        state: folder for the PACS, the viewer, new weights and logs.
        orthanc: address of Orthanc's own interface, if ``studies`` is an Orthanc's: results that are replaced are then
            deleted through it.
        node_port: number at which a DICOM node listens that separates what it is sent, see docs/automation.md; 0 for
            none.
        node_aet: its AE title.
        node_callers: AE titles that may send to it, commas between them.
    """
    # What this server writes may be of patients: it is nobody else's to read.
    os.umask(PRIVATE)
    stopped = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        stopped.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    with exit_on_input_error(), ExitStack() as running:
        folder = private_folder(Path(state).resolve())
        ohif = viewer(folder / "ohif")
        own_pacs = credentials = None
        if not studies:
            own_pacs = Orthanc(folder / "pacs")
            running.callback(own_pacs.stop)
            studies, orthanc, credentials = own_pacs.studies, own_pacs.url, own_pacs.credentials
            logger.info("PACS at %s, for this server only", studies)
            _fill(own_pacs.pacs(), folder)
        programs: list[Service] = [own_pacs] if own_pacs else []
        pacs: dict[str, Any] = {"orthanc": orthanc, "credentials": credentials}
        if node_port:
            node = DicomNode(
                studies, folder, host=host, port=node_port, aet=node_aet, callers=_joined(node_callers), **pacs
            )
            running.callback(node.stop)
            programs.append(node)
            logger.info("DICOM node %s at %s:%d, its status at /node", node_aet, *node.where)
        server = LabelServer(studies, folder, host=host, port=free_port(port), ohif=ohif, **pacs)
        running.callback(server.stop)
        programs.append(server)
        logger.info("The viewer is at %s/ - Ctrl-C ends all of it", server.url)
        while not stopped.wait(1):
            _check(programs)
    logger.info("stopped")


def _check(programs: Sequence[Service]) -> None:
    """Exit with a sentence if a program has ended."""
    for program in programs:
        if not program.alive:
            raise SystemExit(f"{program.name} has ended; see {program.log}")


def _joined(titles: str | tuple[str, ...]) -> str:
    """Return AE titles with commas between them, which the command line may have taken apart."""
    return ",".join(map(str, titles)) if isinstance(titles, (tuple, list)) else str(titles)


def _fill(pacs: Pacs, folder: Path) -> None:
    """Store the drawn hands in the PACS, if it is empty."""
    if not pacs.radiographs():
        logger.info("the PACS is empty: storing two drawn hands")
        pacs.store([dcmread(path) for path in sample_hands(folder)])


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    for quiet in ("dicomweb_client", "urllib3"):
        logging.getLogger(quiet).setLevel(logging.WARNING)
    fire.Fire(main)

"""Orthanc that speaks DICOM, as a site's PACS does: sends to a node by its Lua rules, and takes what is sent to it."""

import json
import shutil
from pathlib import Path

import requests
from pydicom import Dataset

from scripts.errors import InputError
from serving.local.orthanc import INSTALL, free_port
from serving.local.process import Service
from serving.pacs.client import encode
from serving.private_files import private_folder
from tests.support.waiting import LIMIT


class OrthancModality(Service):
    """Orthanc with a DICOM server.

    Args:
        folder: for its database, config and log.
        nodes: AE title and port of the nodes on this machine that it knows, by their names.
        lua: its rules.
    """

    aet = "CLINIC"

    def __init__(self, folder: Path, nodes: dict[str, tuple[str, int]] | None = None, lua: str = "") -> None:
        binary = shutil.which("Orthanc")
        if binary is None:
            raise InputError(f"Orthanc is missing: {INSTALL}")
        private_folder(folder)
        self.dicom_port, http = free_port(0), free_port(0)
        self.url = f"http://127.0.0.1:{http}"
        (folder / "rules.lua").write_text(lua)
        config = {
            "Name": "clinic",
            "StorageDirectory": str(folder / "database"),
            "IndexDirectory": str(folder / "database"),
            "HttpPort": http,
            "RemoteAccessAllowed": False,
            "AuthenticationEnabled": False,
            "DicomServerEnabled": True,
            "DicomAet": self.aet,
            "DicomPort": self.dicom_port,
            "DicomCheckCalledAet": True,
            "DicomAlwaysAllowStore": True,
            "UnknownSopClassAccepted": True,
            "OverwriteInstances": False,
            "DicomModalities": {name: [aet, "127.0.0.1", port] for name, (aet, port) in (nodes or {}).items()},
            "LuaScripts": [str(folder / "rules.lua")],
        }
        path = folder / "orthanc.json"
        path.write_text(json.dumps(config))
        super().__init__("Orthanc", [binary, str(path)], folder / "orthanc.log", timeout=30)

    @property
    def address(self) -> str:
        return f"{self.aet}@127.0.0.1:{self.dicom_port}"

    def answers(self) -> bool:
        try:
            return requests.get(f"{self.url}/system", timeout=5).ok
        except requests.RequestException:
            return False

    def put(self, dataset: Dataset) -> str:
        """Store an object; return its number in Orthanc."""
        answer = requests.post(f"{self.url}/instances", data=encode(dataset), timeout=LIMIT)
        answer.raise_for_status()
        return str(answer.json()["ID"])

    def store(self, node: str, instance: str) -> None:
        """Send an object to a node."""
        requests.post(f"{self.url}/modalities/{node}/store", data=instance, timeout=LIMIT).raise_for_status()

    def series(self) -> dict[str, tuple[str, int]]:
        """Return the Study Instance UID and the number of objects of each series, by its Series Instance UID."""
        studies = {
            each["ID"]: each["MainDicomTags"]["StudyInstanceUID"]
            for each in requests.get(f"{self.url}/studies?expand", timeout=LIMIT).json()
        }
        return {
            each["MainDicomTags"]["SeriesInstanceUID"]: (studies[each["ParentStudy"]], len(each["Instances"]))
            for each in requests.get(f"{self.url}/series?expand", timeout=LIMIT).json()
        }

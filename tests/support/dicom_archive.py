"""DICOM node in this process that keeps what it is sent: an archive for tests, stopped and started at will."""

from collections import Counter
from typing import Any

from pydicom import Dataset
from pynetdicom import AE, ALL_TRANSFER_SYNTAXES, AllStoragePresentationContexts, evt

from serving.local.orthanc import free_port


class DicomArchive:
    """Archive that keeps objects by their SOP Instance UID.

    Attributes:
        objects: the last of each UID.
        counts: how often each was sent.
        status: answered to each object, which is kept if it is 0.
    """

    aet = "ARCHIVE"

    def __init__(self, syntaxes: list[str] = ALL_TRANSFER_SYNTAXES, ssl_context: Any = None) -> None:
        self.objects: dict[str, Dataset] = {}
        self.counts: Counter[str] = Counter()
        self.status = 0
        self.port = free_port(0)
        self.syntaxes = syntaxes
        self.ssl_context = ssl_context
        self._server: Any = None

    @property
    def address(self) -> str:
        return f"{self.aet}@127.0.0.1:{self.port}"

    def start(self) -> "DicomArchive":
        entity = AE(ae_title=self.aet)
        entity.require_called_aet = True
        for context in AllStoragePresentationContexts:
            entity.add_supported_context(str(context.abstract_syntax), self.syntaxes)
        self._server = entity.start_server(
            ("127.0.0.1", self.port),
            block=False,
            ssl_context=self.ssl_context,
            evt_handlers=[(evt.EVT_C_STORE, self._keep)],
        )
        return self

    def stop(self) -> None:
        if self._server is not None:
            self._server.ae.shutdown()
            self._server = None

    def __enter__(self) -> "DicomArchive":
        return self.start()

    def __exit__(self, *error: object) -> None:
        self.stop()

    def _keep(self, event: evt.Event) -> int:
        dataset = event.dataset
        dataset.file_meta = event.file_meta
        if self.status == 0:
            self.objects[str(dataset.SOPInstanceUID)] = dataset
            self.counts[str(dataset.SOPInstanceUID)] += 1
        return self.status

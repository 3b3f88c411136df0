"""Client of a DICOM node, as a modality is one: associations, whole objects, and objects that are broken on purpose."""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pydicom import Dataset
from pydicom.uid import ImplicitVRLittleEndian, generate_uid
from pynetdicom import AE, build_context
from pynetdicom.association import Association
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]


def anew(dataset: Dataset, seed: str) -> Dataset:
    """Return a copy of a radiograph with its own UIDs, the same for the same seed."""
    copied = copy.deepcopy(dataset)
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"):
        setattr(copied, keyword, generate_uid(entropy_srcs=[keyword, seed]))
    copied.file_meta.MediaStorageSOPInstanceUID = copied.SOPInstanceUID
    return copied


def associate(
    port: int, *pairs: tuple[str, str], aet: str = "MODALITY", called: str = "BLS_GAN", **more: Any
) -> Association:
    """Return an association with a node on this machine, for pairs of class and transfer syntax; it may be refused."""
    entity = AE(ae_title=aet)
    entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = 30
    asked = pairs or ((Verification, ImplicitVRLittleEndian),)
    return entity.associate(
        "127.0.0.1", port, contexts=[build_context(*pair) for pair in asked], ae_title=called, **more
    )


@contextmanager
def associated(port: int, *datasets: Dataset, **more: Any) -> Iterator[Association]:
    """Yield an association for some objects, and release it."""
    pairs = sorted({(str(each.SOPClassUID), str(each.file_meta.TransferSyntaxUID)) for each in datasets})
    association = associate(port, *pairs, **more)
    assert association.is_established
    yield association
    if association.is_established:
        association.release()


def send(port: int, *datasets: Dataset, **more: Any) -> list[int]:
    """Send objects in one association; return the statuses."""
    with associated(port, *datasets, **more) as association:
        return [association.send_c_store(each).Status for each in datasets]

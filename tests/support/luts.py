"""Lookup tables of headers, in the ways in which their entries are written."""

import numpy as np
from pydicom import Dataset


def lut(entries, first: int = 0, bits: int = 16, vr: str = "US", packed: bool = False, **attributes) -> Dataset:
    """An item of a LUT sequence.

    Args:
        entries: one for each value from ``first`` on.
        first: the smallest value that has an entry of its own.
        bits: that the descriptor tells.
        vr: of the descriptor.
        packed: two entries a word, else one.
        attributes: further ones.
    """
    item = Dataset()
    item.add_new("LUTDescriptor", vr, [len(entries) % 2**16, first, bits])
    data = np.asarray(entries).astype("u1" if packed else "<u2").tobytes()
    item.add_new("LUTData", "OW", data + b"\0" * (len(data) % 2))
    for keyword, value in attributes.items():
        setattr(item, keyword, value)
    return item


def modality_lut(entries, **settings) -> dict:
    """The attribute of a source with a Modality LUT, see :func:`lut`."""
    return {"ModalityLUTSequence": [lut(entries, ModalityLUTType="US", **settings)]}


def voi_lut(entries, **settings) -> dict:
    """The attribute of a source with a VOI LUT, see :func:`lut`."""
    return {"VOILUTSequence": [lut(entries, **settings)]}


def presentation_lut(entries, **settings) -> dict:
    """The attribute of a source with a Presentation LUT, see :func:`lut`."""
    return {"PresentationLUTSequence": [lut(entries, **settings)]}

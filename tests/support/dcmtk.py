"""Images as DCMTK shows them, by which a viewer of another house is held against ours."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom import Dataset

from tests.support.dicom_sources import write

needs_dcmtk = pytest.mark.skipif(shutil.which("dcmj2pnm") is None, reason="dcmj2pnm of DCMTK is not installed")


def rendered(dataset: Dataset, folder: Path) -> np.ndarray:
    """(rows, columns) 0..255 that dcmj2pnm shows: by its first window, else its first VOI LUT, else all of it."""
    path, shown = write(dataset, folder / "rendered.dcm"), folder / "rendered.pgm"
    voi = ["+Wi", "1"] if "WindowCenter" in dataset else ["+Wl", "1"] if "VOILUTSequence" in dataset else []
    subprocess.run(["dcmj2pnm", "+op", *voi, path, shown], check=True, capture_output=True)
    return np.asarray(Image.open(shown)).astype(int)

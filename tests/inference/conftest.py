import pytest

from scripts.dicom.reader import read_radiograph
from tests.support.dicom_sources import source, write
from tests.support.drawn import joint


@pytest.fixture(scope="module")
def hand(tmp_path_factory):
    """A radiograph of 500 x 600 px of 0.1 mm."""
    levels, _ = joint(500, 600, 12)
    made = source(levels=levels, ImagerPixelSpacing=[0.1, 0.1], window=[(2000, 3000)])
    path = write(made, tmp_path_factory.mktemp("hand") / "hand.dcm")
    return path, read_radiograph(path), levels

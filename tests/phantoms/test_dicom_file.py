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


import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread

from scripts.phantoms.dicom_file import uid_of, wrap

GRAY = np.linspace(0, 1, 70 * 81).reshape(70, 81)


@pytest.mark.parametrize("bits", [8, 10, 12, 16])
@pytest.mark.parametrize("photometric", ["MONOCHROME2", "MONOCHROME1"])
def test_dciodvfy_finds_nothing_wrong(tmp_path: Path, bits: int, photometric: str) -> None:
    dataset = wrap(GRAY, spacing=0.15, laterality="L", seed="a", bits=bits, photometric=photometric)
    dataset.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    found = subprocess.run(
        [Path(sys.executable).with_name("dciodvfy"), tmp_path / "a.dcm"], capture_output=True, text=True
    )
    assert found.returncode == 0
    assert "DXImageForPresentation" in found.stdout + found.stderr
    assert "Error" not in found.stdout + found.stderr
    assert "Warning" not in found.stdout + found.stderr


@pytest.mark.parametrize("bits", [8, 12, 16])
def test_stored_values_are_the_gray_levels_of_the_bit_depth(tmp_path: Path, bits: int) -> None:
    wrap(GRAY, spacing=0.1, laterality="R", seed="a", bits=bits).save_as(tmp_path / "a.dcm", enforce_file_format=True)
    read = dcmread(tmp_path / "a.dcm")
    assert (read.BitsStored, read.BitsAllocated) == (bits, 8 if bits == 8 else 16)
    assert np.array_equal(read.pixel_array, np.rint(GRAY * (2**bits - 1)))
    # The window shows all of it (DICOM PS3.3, C.11.2.1.2).
    low = read.WindowCenter - 0.5 - (read.WindowWidth - 1) / 2
    assert (low, low + read.WindowWidth - 1) == (0, 2**bits - 1)


def test_monochrome1_stores_bright_as_small_and_says_so() -> None:
    plain, inverted = (wrap(GRAY, spacing=0.1, laterality="R", seed="a", photometric=f"MONOCHROME{i}") for i in (2, 1))
    assert np.abs(4095 - plain.pixel_array.astype(int) - inverted.pixel_array).max() <= 1
    assert (plain.PresentationLUTShape, inverted.PresentationLUTShape) == ("IDENTITY", "INVERSE")
    assert (plain.PixelIntensityRelationshipSign, inverted.PixelIntensityRelationshipSign) == (-1, 1)


def test_the_same_text_gives_the_same_uids_and_another_text_others() -> None:
    one, again, other = (wrap(GRAY, spacing=0.1, laterality="R", seed=seed, study="s") for seed in ("a", "a", "b"))
    assert one == again
    assert one.file_meta == again.file_meta
    assert one.StudyInstanceUID == other.StudyInstanceUID
    assert one.SeriesInstanceUID != other.SeriesInstanceUID
    assert one.SOPInstanceUID != other.SOPInstanceUID
    assert len({one.StudyInstanceUID, one.SeriesInstanceUID, one.SOPInstanceUID}) == 3
    assert uid_of("a").is_valid


def test_the_header_says_what_it_was_told_and_that_it_is_a_phantom() -> None:
    dataset = wrap(
        GRAY,
        spacing=0.175,
        laterality="L",
        seed="a",
        window=(1000, 500),
        patient_name="Phantom^Hand 003",
        patient_id="P3",
    )
    assert list(dataset.ImagerPixelSpacing) == [0.175, 0.175]
    assert dataset.ImageLaterality == "L"
    assert (dataset.WindowCenter, dataset.WindowWidth) == (1000, 500)
    assert dataset.PatientName == "Phantom^Hand 003"
    assert dataset.PatientID == "P3"
    assert dataset.Manufacturer == "BLS-GAN"
    assert "phantom, drawn by a program" in dataset.ImageComments


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"gray": GRAY * 2}, r"gray: expected two axes, 0 to 1, got \(70, 81\), 0 to 2"),
        ({"gray": GRAY[None]}, r"gray: expected two axes, 0 to 1, got \(1, 70, 81\)"),
        ({"bits": 7}, "bits: expected 8 to 16, got 7"),
        ({"laterality": "B"}, "laterality: expected 'R' or 'L', got 'B'"),
        ({"photometric": "RGB"}, "photometric: expected .*, got 'RGB'"),
        ({"spacing": 0.0}, "spacing: expected more than 0 mm, got 0.0"),
    ],
)
def test_an_argument_outside_its_range_is_refused_by_name(arguments: dict, message: str) -> None:
    given = {"gray": GRAY, "spacing": 0.1, "laterality": "R", "seed": "a"} | arguments
    with pytest.raises(ValueError, match=message):
        wrap(given.pop("gray"), **given)

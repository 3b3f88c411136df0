"""The main job on DICOM, as its config declares it, with the shipped weights."""

import json
import os
import subprocess
import sys
from itertools import product
from pathlib import Path

import monai.bundle
import numpy as np
import pytest
from pydicom import dcmread

from scripts.phantoms.joint import draw_joint
from tests.support.dicom_sources import TRANSFER_SYNTAXES, source, write

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "configs" / "inference.json"


def run(**override):
    settings = {name: value if isinstance(value, int) else str(value) for name, value in override.items()}
    monai.bundle.run(config_file=str(CONFIG), bundle_root=str(ROOT), logging_file=False, device="cpu", **settings)


@pytest.fixture(scope="module")
def drawn():
    """Gray levels of a drawn joint of 200 px that overlaps."""
    return draw_joint(2, size=200, overlap=14).image[0].double().numpy()


def layers(folder):
    """Both layers in parts of the brightest stored level, bright = more attenuation, and the label map."""
    made = []
    for name in ("upper", "lower"):
        dataset = dcmread(folder / f"joint_{name}.dcm")
        top = 2**dataset.BitsStored - 1
        stored = dataset.pixel_array.astype(int)
        made.append((top - stored if dataset.PhotometricInterpretation == "MONOCHROME1" else stored) / top)
    return np.stack(made), dcmread(folder / "segmentation.dcm").pixel_array


def test_layers_are_the_same_whatever_the_encoding(tmp_path, drawn):
    levels = np.rint(drawn * 4095).astype(int)
    cases = list(product(TRANSFER_SYNTAXES, ("MONOCHROME1", "MONOCHROME2"), (False, True)))
    for number, (syntax, photometric, signed) in enumerate(cases):
        made = source(levels=levels, photometric=photometric, signed=signed, transfer_syntax=syntax)
        write(made, tmp_path / "in" / f"{number:02}.dcm")
    run(dataset_dir=tmp_path / "in", output_dir=tmp_path / "out")
    first, labels = layers(tmp_path / "out" / "00")
    assert (labels == 3).sum() > 100
    for number, case in enumerate(cases):
        again, same = layers(tmp_path / "out" / f"{number:02}")
        assert (again == first).all(), case
        assert (same == labels).all(), case


def test_layers_are_the_same_to_a_level_and_a_half_whatever_the_depth_and_the_spacing_attribute(tmp_path, drawn):
    spacings = ("ImagerPixelSpacing", "PixelSpacing", "NominalScannedPixelSpacing", None)
    cases = list(product((8, 10, 12, 14, 16), spacings))
    for number, (bits, spacing) in enumerate(cases):
        # The same 8-bit picture in the upper bits of every depth, its window with it: only the encoding differs.
        levels, white = np.rint(drawn * 255).astype(int) << bits - 8, 255 << bits - 8
        window = [((white + 1) / 2, white + 1)]
        write(source(levels=levels, bits=bits, spacing=spacing, window=window), tmp_path / "in" / f"{number:02}.dcm")
    run(dataset_dir=tmp_path / "in", output_dir=tmp_path / "out")
    first, labels = layers(tmp_path / "out" / "00")
    for number, case in enumerate(cases):
        again, same = layers(tmp_path / "out" / f"{number:02}")
        assert (same == labels).all(), case
        # The brightest level is 255 of 8 bits, 1020 of 1023 of 10 bits: a part of a level apart at most; and the soft
        # tissue behind the bones is rounded to levels, too.
        assert np.abs(again * (2 ** case[0] - 1) / (255 << case[0] - 8) - first).max() <= 1.5 / 255, case


def command(*line, **environment):
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", **environment}
    return subprocess.run(line, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False)


@pytest.mark.slow
def test_two_workers_share_the_images_and_write_what_one_process_writes(tmp_path, drawn):
    levels = np.rint(drawn * 4095).astype(int)
    for number in range(3):
        made = source(levels=levels, PatientName="SECRETNAME", PatientID="SECRETID", AccessionNumber=str(number))
        write(made, tmp_path / "in" / f"hand{number}.dcm")
    (tmp_path / "in" / "empty.dcm").touch()
    job = ("-m", "monai.bundle", "run", "--config_file=configs/inference.json", f"--dataset_dir={tmp_path / 'in'}")
    done = command(sys.executable, *job, f"--output_dir={tmp_path / 'shared'}", "--workers=2")
    assert done.returncode == 1  # one file is empty
    assert done.stdout.count("3 separated, 1 refused") == 1, done.stdout + done.stderr
    alone = command(sys.executable, *job, f"--output_dir={tmp_path / 'alone'}")
    assert alone.returncode == 1
    assert "SECRET" not in done.stdout + done.stderr + alone.stdout + alone.stderr
    shared, single = (
        {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.*")}
        for folder in (tmp_path / "shared", tmp_path / "alone")
    )
    assert len(shared) == 15
    assert shared == single


def test_the_hand_among_the_samples_is_separated_joint_by_joint(tmp_path):
    run(dataset_dir=ROOT / "samples" / "hand", output_dir=tmp_path)
    folder = tmp_path / "hand_000_right"
    figures = json.loads((folder / "figures.json").read_text())
    assert [joint["name"] for joint in figures["joints"]] == ["MCP1", "MCP2", "MCP3", "MCP4", "MCP5"]
    assert all(joint["outside_zone_exact"] for joint in figures["joints"])
    assert all(joint["largest_recomposition_error_levels"] <= 1 for joint in figures["joints"])
    objects = {path.stem: dcmread(path) for path in folder.glob("*.dcm")}
    assert len(objects) == 11
    original = dcmread(ROOT / "samples" / "hand" / "hand_000_right.dcm")
    assert {dataset.StudyInstanceUID for dataset in objects.values()} == {original.StudyInstanceUID}
    assert len({dataset.SeriesInstanceUID for dataset in objects.values()}) == 3


def test_joints_are_taken_from_the_command_line(tmp_path):
    picture = ROOT / "samples" / "hand" / "hand_000_right.dcm"
    run(dataset_dir=picture, output_dir=tmp_path, joints="[[686, 763], [538, 770]]")
    figures = json.loads((tmp_path / "hand_000_right" / "figures.json").read_text())
    assert [joint["name"] for joint in figures["joints"]] == ["joint1", "joint2"]

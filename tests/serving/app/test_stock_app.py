"""Tests of the bundle in MONAI Label's own bundle app, without code of ours in the app."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import requests
import SimpleITK as sitk  # noqa: N813
from PIL import Image

from scripts.phantoms.joint import draw_joint
from scripts.physics import LOWER, UPPER
from serving.local.orthanc import free_port
from tests.support.waiting import LIMIT, wait_for

ROOT = Path(__file__).parents[3]
HAND = ROOT / "samples" / "hand" / "hand_000_right.dcm"
MCP2 = (537, 770)
"""Column and row in :data:`HAND`, from the list beside it."""

PHANTOM = draw_joint(11, size=(256, 192), overlap=14.0)

pytestmark = [pytest.mark.slow, pytest.mark.pacs]


@pytest.fixture(scope="module")
def studies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the same joint as PNG and, with axes and spacing of NIfTI, as NIfTI."""
    folder = tmp_path_factory.mktemp("studies")
    levels = (PHANTOM.image[0] * 255).round().byte().numpy()
    Image.fromarray(levels).save(folder / "joint.png")
    nib.save(nib.Nifti1Image(levels.T[..., None], np.diag([-0.1, -0.1, 1.0, 1.0])), folder / "turned.nii.gz")
    return folder


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Create the sample app by MONAI Label's own command, and link the bundle into it."""
    folder = tmp_path_factory.mktemp("apps")
    line = [sys.executable, "-m", "monailabel.main", "apps", "--download", "--name", "monaibundle"]
    subprocess.run([*line, "--output", str(folder)], check=True, capture_output=True, timeout=LIMIT)
    (folder / "monaibundle" / "model").mkdir()
    (folder / "monaibundle" / "model" / "bls_gan").symlink_to(ROOT)
    return folder / "monaibundle"


@pytest.fixture(scope="module")
def url(app: Path, studies: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Yield the address of the server, which knows the bundle's folder by the link only."""
    folder, port = tmp_path_factory.mktemp("server"), free_port(0)
    line = [sys.executable, "-m", "monailabel.main", "start_server", "--app", str(app), "--studies", str(studies)]
    line += ["--host", "127.0.0.1", "--port", str(port), "--conf", "models", "bls_gan", "--conf", "zoo_source", "local"]
    line += ["--conf", "skip_trainers", "true", "--conf", "sam2", "false"]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(line, stdout=log, stderr=log, env=environment, cwd=folder)
        try:
            wait_for(lambda: answers(f"http://127.0.0.1:{port}/info/") or process.poll() is not None, log.tell)
            assert process.poll() is None, (folder / "log").read_text()[-2000:]
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(timeout=LIMIT)


def answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=LIMIT).ok
    except requests.RequestException:
        return False


def answered(url: str, image: str = "", file: Path | None = None, **params: object) -> tuple[dict, bytes, str]:
    """Return metrics, the label map's file, and its name."""
    files = {"file": (file.name, file.read_bytes())} if file else {"file": ("", b"")}
    answer = requests.post(
        f"{url}/infer/bls_gan",
        params={"image": image, "output": "all"},
        data={"params": json.dumps(params)},
        files=files if file else None,
        timeout=LIMIT,
    )
    assert answer.status_code == 200, answer.text[-1000:]
    boundary = answer.headers["content-type"].split("boundary=")[1].encode()
    _, said, label, _ = answer.content.split(b"--" + boundary)
    heading, content = label.split(b"\r\n\r\n", 1)
    name = re.search(rb'filename="([^"]+)"', heading)
    assert name is not None
    return json.loads(said.split(b"\r\n\r\n", 1)[1]), content[:-2], name[1].decode()


def dice(labels: np.ndarray, bone: int) -> float:
    predicted, true = np.isin(labels, (bone + 1, 3)), PHANTOM.masks[bone].numpy()
    return 2 * (predicted & true).sum() / (predicted.sum() + true.sum())


def test_the_app_offers_the_model_for_pictures_and_gives_no_value_a_wrong_name(url: str) -> None:
    model = requests.get(f"{url}/info/", timeout=LIMIT).json()["models"]["bls_gan"]
    assert model["dimension"] == 2
    assert not model["labels"], "the app cannot name label values that are not channels"


def test_a_picture_is_answered_with_a_label_map_and_metrics(url: str, tmp_path: Path) -> None:
    metrics, content, name = answered(url, "joint")
    assert name.endswith(".png")
    (tmp_path / name).write_bytes(content)
    labels = np.asarray(Image.open(tmp_path / name))
    assert labels.shape == PHANTOM.image.shape[1:]
    assert labels.dtype == np.uint8
    assert {1, 2} <= set(np.unique(labels)) <= {0, 1, 2, 3}
    assert dice(labels, LOWER) > 0.9 < dice(labels, UPPER)
    assert metrics["overlap_px"] == (labels == 3).sum()
    assert metrics["outside_zone_exact"]
    assert metrics["label_values"] == {
        "0": "background",
        "1": "lower bone (metacarpal)",
        "2": "upper bone (phalanx)",
        "3": "overlap",
    }


def test_a_nifti_is_answered_on_its_own_grid(url: str, tmp_path: Path) -> None:
    _, content, name = answered(url, "turned")
    assert name.endswith(".nii.gz")
    (tmp_path / name).write_bytes(content)
    label = nib.load(tmp_path / name)
    assert label.shape == (192, 256, 1)
    assert np.allclose(label.affine, np.diag([-0.1, -0.1, 1.0, 1.0]))
    assert dice(np.asarray(label.dataobj)[..., 0].T, UPPER) > 0.9


def test_a_joint_of_a_dicom_radiograph_is_answered_on_the_whole_image(url: str, tmp_path: Path) -> None:
    metrics, content, name = answered(url, file=HAND, foreground=[[*MCP2, 0]])
    (tmp_path / name).write_bytes(content)
    label = sitk.ReadImage(str(tmp_path / name))
    assert label.GetSize() == (1333, 1667, 1)
    assert label.GetSpacing()[:2] == pytest.approx((0.15, 0.15))
    assert label.GetDirection() == (1, 0, 0, 0, 1, 0, 0, 0, 1)
    labels = sitk.GetArrayFromImage(label)[0]
    column, row = MCP2
    assert (labels[row + 40, column], labels[row - 40, column]) == (1, 2)
    assert (labels > 0).sum() < metrics["rows"] * metrics["columns"]


def test_the_app_writes_nothing_into_the_bundle(url: str) -> None:
    before = set(ROOT.glob("output/**"))
    answered(url, "joint")
    assert set(ROOT.glob("output/**")) == before

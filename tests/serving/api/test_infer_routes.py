"""Tests of the server with requests of MONAI Label's clients, curl and the viewer."""

import copy
import gzip
import io
import json
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import requests
import SimpleITK as sitk  # noqa: N813
from pydicom import dcmread

from scripts.physics import FIELD_MM
from tests.serving.conftest import ROOT, ask, objects_in
from tests.support.waiting import LIMIT

pytestmark = pytest.mark.pacs


def test_the_answer_says_where_everything_is(server, pacs, hand):
    answer = ask(server, hand.sop, hand.at("MCP2"))
    assert answer.status_code == 200, answer.text
    said = answer.json()
    assert said["sop_instance_uid"] == hand.sop
    there = objects_in(pacs, hand.study)
    for uids in (said["joints"][0]["upper"], said["joints"][0]["lower"], said["segmentation"]):
        assert there[uids["sop_instance_uid"]].series == uids["series_instance_uid"]
    assert set(said["latencies"]) == {"find", "fetch", "look up", "find joints", "separate", "store"}


def test_other_clients_get_a_label_map_that_lies_on_the_image(server, hand, tmp_path):
    answer = ask(server, hand.where.series, None, output="image", foreground=[[*hand.joints["MCP2"], 0]])
    assert answer.status_code == 200, answer.text
    (tmp_path / "label.nrrd").write_bytes(answer.content)
    label = sitk.ReadImage(str(tmp_path / "label.nrrd"))
    assert label.GetSize() == (hand.dataset.Columns, hand.dataset.Rows, 1)
    assert label.GetSpacing()[:2] == pytest.approx((0.15, 0.15))
    pixels = sitk.GetArrayFromImage(label)[0]
    column, row = (round(side) for side in hand.joints["MCP2"])
    assert {0, 1, 2} <= set(np.unique(pixels)) <= {0, 1, 2, 3}
    below, above = pixels[row + 40, column], pixels[row - 40, column]
    assert (below, above) == (1, 2), "the metacarpal lies below"


def test_label_map_and_metrics_come_in_one_answer(server, hand):
    answer = ask(server, hand.sop, hand.at("MCP2"), output="all")
    assert answer.headers["content-type"].startswith("multipart/form-data")
    assert b"overlap_px" in answer.content
    assert b"NRRD" in answer.content


def test_the_segmentation_comes_as_dicom(server, hand):
    answer = ask(server, hand.sop, hand.at("MCP2"), output="dicom_seg")
    segmentation = dcmread(io.BytesIO(answer.content))
    assert (segmentation.Modality, segmentation.SegmentationType) == ("SEG", "LABELMAP")


def test_masks_that_a_client_sends_are_used(server, hand):
    predicted = ask(server, hand.sop, hand.at("MCP2")).json()
    top, left, bottom, right = predicted["joints"][0]["box"]
    drawn = np.zeros((hand.dataset.Rows, hand.dataset.Columns), np.uint8)
    middle = (top + bottom) // 2
    drawn[top + 20 : middle + 4, left + 40 : right - 40] = 2
    drawn[middle - 4 : bottom - 20, left + 40 : right - 40] = 1
    drawn[middle - 4 : middle + 4, left + 40 : right - 40] = 3
    label = ("label.bin.gz", gzip.compress(drawn.tobytes()), "application/gzip")
    answer = ask(server, hand.sop, hand.at("MCP2"), label=label)
    [joint] = answer.json()["joints"]
    assert (joint["masks"], joint["overlap_px"]) == ("given", 8 * (right - left - 80))


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("label.exe", b"x", "label: expected a file .nrrd, .nii, .nii.gz, .mha, .dcm, .bin, .bin.gz, got 'label.exe'"),
        ("label.bin", b"x", "label: expected 2,222,111 bytes (1667 rows x 1333 columns), got 1 bytes"),
        ("label.bin.gz", gzip.compress(bytes(3_000_000)), "label: expected 2,222,111 bytes (1667 rows x"),
        ("label.bin.gz", b"no gzip", "label.bin.gz: cannot be unpacked (BadGzipFile)"),
        ("label.bin.gz", gzip.compress(bytes(2_222_111)), "label: expected marked pixels, got background only"),
        ("label.bin.gz", gzip.compress(b"\4" * 2_222_111), "label: expected values 0 to 3, got 4"),
        ("label.nrrd", b"x", "label.nrrd: cannot be read as an image"),
        ("../../label.dcm", b"x", "label.dcm: cannot be read as a Segmentation (InvalidDicomError)"),
    ],
)
def test_masks_that_cannot_be_used_are_refused(server, hand, name, content, sentence):
    answer = ask(server, hand.sop, hand.at("MCP2"), label=(name, content))
    assert answer.status_code == 400
    assert answer.json()["detail"].startswith(sentence)


@pytest.mark.parametrize(
    ("path", "status", "sentence"),
    [
        ("infer/bls_gan", 400, "image: expected the UID of a radiograph in the PACS, got nothing"),
        ("infer/bls_gan?image=/etc/passwd", 400, "image: expected a SOP or Series Instance UID, got '/etc/passwd'"),
        ("infer/bls_gan?image=../x", 400, "image: expected a SOP or Series Instance UID, got '../x'"),
        (
            "infer/bls_gan?image=http://127.0.0.1:1/x",
            400,
            "image: expected a SOP or Series Instance UID, got 'http://127.0.0.1:1/x'",
        ),
        ("infer/bls_gan?image=1.2.3.4", 404, "image 1.2.3.4: no such radiograph in the PACS"),
        ("infer/nothing?image=1.2.3.4", 400, "model: expected bls_gan, got 'nothing'"),
    ],
)
def test_an_image_that_is_none_is_refused_and_a_page_can_read_why(server, path, status, sentence):
    page = {"Origin": "http://localhost:3000"}
    answer = requests.post(f"{server.url}/{path}", data={"params": "{}"}, headers=page, timeout=LIMIT)
    assert answer.status_code == status
    assert answer.json()["detail"].startswith(sentence)
    assert answer.headers["access-control-allow-origin"] == "http://localhost:3000"


@pytest.mark.parametrize(
    ("params", "sentence"),
    [
        ("{bad", "params: expected JSON, got something else"),
        ("[1]", "params: expected an object, got list"),
        ('{"image": "/etc/passwd"}', "params: expected no image, which the request sets elsewhere"),
        ('{"joints": "joints.csv"}', "joints: expected a list of joints, got str"),
    ],
)
def test_parameters_that_are_none_are_refused(server, hand, params, sentence):
    answer = requests.post(
        f"{server.url}/infer/bls_gan", params={"image": hand.sop}, data={"params": params}, timeout=LIMIT
    )
    assert (answer.status_code, answer.json()["detail"]) == (400, sentence)


def test_a_file_instead_of_an_image_of_the_pacs_is_refused(server):
    answer = requests.post(
        f"{server.url}/infer/bls_gan", params={"image": "1.2"}, files={"file": ("a.dcm", b"junk")}, timeout=LIMIT
    )
    assert (answer.status_code, answer.json()["detail"]) == (
        400,
        "file: expected the UID of a radiograph in the PACS as image, got a file",
    )


@pytest.mark.parametrize("told", [True, False], ids=["its size told", "in chunks"])
def test_a_body_of_200_mb_is_refused(server, hand, told):
    def pieces():
        for _ in range(200):
            yield bytes(2**20)

    body = bytes(200 * 2**20) if told else pieces()
    try:
        answer = requests.post(f"{server.url}/infer/bls_gan?image={hand.sop}", data=body, timeout=LIMIT)
    except requests.ConnectionError:
        # The server hung up while the client was still sending: refused all the same.
        answer = None
    assert answer is None or answer.status_code in (400, 413)
    assert server.alive
    assert ask(server, hand.sop, hand.at("MCP3")).status_code == 200


def test_two_users_on_the_same_joint_leave_one_result(server, pacs, hand):
    with ThreadPoolExecutor(2) as users:
        answers = list(users.map(lambda by: ask(server, hand.sop, hand.at("MCP2", by=by)), (0, 10)))
    assert [answer.status_code for answer in answers] == [200, 200]
    assert len(objects_in(pacs, hand.study)) == 4


def test_the_viewer_is_served_while_a_joint_is_separated(server, hand):
    done = threading.Event()

    def separate():
        ask(server, hand.sop, hand.at(*hand.joints))
        done.set()

    threading.Thread(target=separate).start()
    served = 0
    while not done.is_set():
        assert requests.get(f"{server.url}/pacs/studies", timeout=LIMIT).ok
        served += 1
    assert served > 5


def test_a_source_that_was_deleted_after_it_was_listed_is_told(server, pacs, hand):
    listed = requests.get(f"{server.url}/datastore/?output=all", timeout=LIMIT).json()["objects"]
    assert hand.where.series in listed
    assert ask(server, hand.where.series, hand.at("MCP2")).status_code == 200
    pacs.remove([hand.where])
    answer = ask(server, hand.where.series, hand.at("MCP2"))
    assert answer.status_code == 404
    assert answer.json()["detail"].endswith("no such radiograph in the PACS")


def test_an_image_that_cannot_be_read_is_told(server, pacs, hand):
    broken = copy.deepcopy(hand.dataset)
    broken.SOPInstanceUID = broken.SeriesInstanceUID = "1.2.3.4.5"
    broken.file_meta.MediaStorageSOPInstanceUID = "1.2.3.4.5"
    broken.BitsStored = 4
    pacs.store([broken])
    answer = ask(server, "1.2.3.4.5", hand.at("MCP2"))
    assert (answer.status_code, answer.json()["detail"]) == (
        400,
        "1.2.3.4.5: expected 8 to 16 bits stored of 8 or 16 allocated, got 4 of 16",
    )


def test_joints_may_be_named_by_their_image_for_many_images_at_once(server, hand):
    rows = [{"image": hand.sop, "joint": "MCP2", **hand.at("MCP2")[0]}, {"image": "1.2.3", "x": 1, "y": 1}]
    [joint] = ask(server, hand.sop, rows).json()["joints"]
    assert joint["joint"] == "MCP2"


def test_weights_are_loaded_once(server):
    log = (server.state / "server.log").read_text().splitlines()
    assert len([line for line in log if f"[{server.pid}]" in line and "(serving.bundle:" in line]) == 1


def test_what_is_refused_leaves_no_file_behind(server, hand):
    before = set(Path(tempfile.gettempdir()).glob("*.nrrd"))
    junk = ("junk.nrrd", b"junk")
    asked = {"image": hand.sop}
    for path, field in (("datastore/image", "file"), ("datastore/", "file"), ("datastore/label", "label")):
        answer = requests.put(f"{server.url}/{path}", params=asked, files={field: junk}, timeout=LIMIT)
        assert answer.status_code == 400, answer.text
    assert set(Path(tempfile.gettempdir()).glob("*.nrrd")) == before


@pytest.mark.parametrize("method", ["PUT", "DELETE", "POST"])
def test_nobody_overwrites_or_removes_the_weights(server, method):
    before = (ROOT / "models" / "model.pt").stat()
    junk = {"file": ("model.pt", b"junk")} if method == "PUT" else None
    answer = requests.request(method, f"{server.url}/model/bls_gan", files=junk, timeout=LIMIT)
    assert answer.status_code == 405
    assert (ROOT / "models" / "model.pt").stat().st_mtime_ns == before.st_mtime_ns
    assert requests.get(f"{server.url}/model/info/bls_gan", timeout=LIMIT).status_code == 200


def test_what_can_be_asked_is_told(server):
    info = requests.get(f"{server.url}/info/", timeout=LIMIT).json()
    assert info["name"] == "BLS-GAN"
    assert info["models"]["bls_gan"]["labels"]["overlap"] == 3
    assert info["region_mm"] == FIELD_MM
    assert "infer" in json.dumps(requests.get(f"{server.url}/openapi.json", timeout=LIMIT).json())


def test_a_client_downloads_an_image_and_saves_masks_for_it(server, hand, tmp_path):
    image = requests.get(f"{server.url}/datastore/image", params={"image": hand.sop}, timeout=LIMIT)
    assert dcmread(io.BytesIO(image.content)).SOPInstanceUID == hand.sop
    assert not list(server.state.rglob("*.dcm")), "nothing of it stays on the server's disk"
    assert requests.head(f"{server.url}/datastore/image", params={"image": "1.2.3"}, timeout=LIMIT).status_code == 404
    label = ask(server, hand.sop, hand.at("MCP2"), output="image")
    saved = requests.put(
        f"{server.url}/datastore/label",
        params={"image": hand.sop},
        files={"label": ("label.nrrd", label.content)},
        data={"params": "{}"},
        timeout=LIMIT,
    )
    assert saved.status_code == 200, saved.text
    again = ask(server, hand.sop, hand.at("MCP3")).json()
    assert again["segmentation"]["sop_instance_uid"] != saved.json()["label"]


@pytest.mark.parametrize(
    "path",
    ["datastore/image?image=../../etc/passwd", "datastore/label?label=../../etc/passwd&tag=final", "datastore/label"],
)
def test_files_of_the_server_cannot_be_asked_for(server, path):
    answer = requests.get(f"{server.url}/{path}", timeout=LIMIT)
    assert 400 <= answer.status_code < 500
    assert "root:" not in answer.text

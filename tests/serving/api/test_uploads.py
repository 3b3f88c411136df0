"""Tests of uploads that a trusted header would let end the server, fill its memory or read its files."""

import copy
import gzip
import io
import os
import time
import zlib

import psutil
import pytest
import requests
import SimpleITK as sitk  # noqa: N813
from pydicom import Dataset, dcmread
from pydicom.uid import DeflatedExplicitVRLittleEndian, generate_uid

from serving.pacs.client import encode
from tests.serving.conftest import ask, objects_in
from tests.support.waiting import LIMIT

pytestmark = pytest.mark.pacs

SIZE = "1333 1667"
META = "NDims = 2\nBinaryData = True\nDimSize = 1333 1667\nElementType = MET_UCHAR\n"


def nrrd(*lines):
    return ("\n".join(("NRRD0004", "type: uint8", *lines)) + "\n\nx").encode()


UPLOADS = {
    "dimensions.nrrd": nrrd("dimension: 16", f"sizes: {SIZE}{14 * ' 1'}", "encoding: raw"),
    "channels.nrrd": nrrd("dimension: 3", f"sizes: 300 {SIZE}", "kinds: vector domain domain", "encoding: gzip"),
    "zero.nrrd": nrrd("dimension: 2", f"sizes: {SIZE}", "encoding: raw", "data file: /dev/zero"),
    "zero.mha": f"{META}ElementDataFile = /dev/zero\n".encode(),
    "other.mha": nrrd("dimension: 2", f"sizes: {SIZE}", "encoding: raw", "data file: /dev/zero"),
    "packed.mha": f"{META}CompressedData = True\nElementDataFile = LOCAL\n".encode() + zlib.compress(bytes(2**28), 9),
    "packed.nii.gz": gzip.compress(bytes(2**28), 9),
    "packed.bin.gz": gzip.compress(bytes(2**28), 9),
    "text.png": b"\x89PNG\r\n\x1a\n",
}


def resident(server):
    return psutil.Process(server.pid).memory_info().rss


@pytest.mark.parametrize("name", UPLOADS)
@pytest.mark.parametrize("route", ["infer", "save"])
def test_an_upload_that_asks_for_more_than_an_image_is_refused_at_once(server, pacs, hand, name, route):
    pid, before, start = server.pid, resident(server), time.monotonic()
    label = (name, UPLOADS[name])
    if route == "infer":
        answer = ask(server, hand.sop, hand.at("MCP2"), label=label)
    else:
        answer = requests.put(
            f"{server.url}/datastore/label", params={"image": hand.sop}, files={"label": label}, timeout=LIMIT
        )
    assert answer.status_code == 400, answer.text
    assert time.monotonic() - start < 20
    assert server.alive
    assert server.pid == pid
    assert resident(server) - before < 2**27
    assert set(objects_in(pacs, hand.study)) == {hand.sop}


def test_a_pipe_of_the_servers_machine_is_not_waited_for(server, hand, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    detached = {
        "a.nrrd": nrrd("dimension: 2", f"sizes: {SIZE}", "encoding: raw", f"data file: {tmp_path}/pipe"),
        "a.mha": f"{META}ElementDataFile = {tmp_path}/pipe\n".encode(),
    }
    for each in 3 * list(detached.items()):
        assert ask(server, hand.sop, hand.at("MCP2"), label=each).status_code == 400
    assert ask(server, hand.sop, hand.at("MCP2")).status_code == 200


def test_masks_in_any_format_of_itk_are_read(server, hand, tmp_path):
    label = ask(server, hand.sop, hand.at("MCP2"), output="image")
    assert label.status_code == 200
    (tmp_path / "label.nrrd").write_bytes(label.content)
    image = sitk.ReadImage(str(tmp_path / "label.nrrd"))
    for suffix in (".nrrd", ".nii", ".nii.gz", ".mha"):
        path = tmp_path / f"sent{suffix}"
        sitk.WriteImage(sitk.Cast(image, sitk.sitkUInt16), str(path))
        answer = ask(server, hand.sop, hand.at("MCP2"), label=(path.name, path.read_bytes()))
        assert answer.status_code == 200, (suffix, answer.text)
        assert answer.json()["joints"][0]["masks"] == "given"


def deflated(dataset, uid, megabytes):
    """Return the file of a dataset under another UID, deflated, with so many MiB of zeros as its pixels."""
    dataset = copy.deepcopy(dataset)
    dataset.SOPInstanceUID = dataset.SeriesInstanceUID = uid
    dataset.file_meta.MediaStorageSOPInstanceUID = uid
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    dataset.PixelData = bytes(megabytes * 2**20)
    return encode(dataset)


def test_a_deflated_segmentation_is_not_inflated_beyond_any_image(server, hand):
    segmentation = ask(server, hand.sop, hand.at("MCP2"), output="dicom_seg").content
    bomb = deflated(dcmread(io.BytesIO(segmentation)), "1.2.3.4.6", 220)
    before = resident(server)
    answer = ask(server, hand.sop, hand.at("MCP2"), label=("masks.dcm", bomb))
    assert (answer.status_code, answer.json()["detail"]) == (400, "label.dcm: inflates to over 201,326,592 bytes")
    assert resident(server) - before < 2**27


def test_a_deflated_radiograph_in_the_pacs_is_not_inflated_beyond_any_image(server, hand):
    body = b"--x\r\nContent-Type: application/dicom\r\n\r\n" + deflated(hand.dataset, "1.2.3.4.7", 220) + b"\r\n--x--"
    kind = {"Content-Type": 'multipart/related; type="application/dicom"; boundary=x'}
    stored = requests.post(f"{server.url}/pacs/studies", data=body, headers=kind, timeout=LIMIT)
    before = resident(server)
    if stored.status_code == 200:
        answer = ask(server, "1.2.3.4.7", hand.at("MCP2"))
        assert answer.status_code == 400, answer.text
        assert "inflates to over 201,326,592 bytes" in answer.json()["detail"]
    assert resident(server) - before < 2**27


@pytest.mark.parametrize("broken", ["references", "item", "frames"])
def test_a_segmentation_that_somebody_stores_as_one_of_ours_ends_no_list(server, pacs, hand, broken):
    ours = dcmread(io.BytesIO(ask(server, hand.sop, hand.at("MCP2"), output="dicom_seg").content))
    ours.SOPInstanceUID = ours.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    if broken == "references":
        ours.ReferencedSeriesSequence = [Dataset()]
    elif broken == "item":
        ours.SegmentSequence = [Dataset()]
    else:
        ours.NumberOfFrames, ours.SegmentationType = 2**31 - 1, "BINARY"
    pacs.store([ours])
    for method, path in (("GET", "datastore/?output=all"), ("GET", "info/"), ("POST", "activelearning/least_sure")):
        assert requests.request(method, f"{server.url}/{path}", timeout=LIMIT).status_code == 200
    answer = ask(server, hand.sop, hand.at("MCP3"))
    assert answer.status_code in (200, 400), answer.text
    assert server.alive

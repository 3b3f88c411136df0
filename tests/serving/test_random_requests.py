"""Random uploads and requests: whatever arrives, the server answers with a sentence and goes on.

``BLS_GAN_EXAMPLES`` tells how many of each kind; 15 if it is not set.
"""

import http.client
import json
import os
import random
import zlib

import psutil
import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.waiting import LIMIT

pytestmark = [pytest.mark.pacs, pytest.mark.usefixtures("hand")]

fewer = settings(
    max_examples=int(os.environ.get("BLS_GAN_EXAMPLES", "15")),
    deadline=None,
    derandomize="BLS_GAN_EXAMPLES" not in os.environ,
    database=None,
    suppress_health_check=list(HealthCheck),
)

SIZE = (1333, 1667)
PIXELS = zlib.compress(bytes(SIZE[0] * SIZE[1]))
NUMBERS = st.one_of(st.integers(-2, 20), st.sampled_from([SIZE[0], SIZE[1], 2**31, 10**18, 10**400]))
SUFFIXES = (".nrrd", ".mha", ".nii", ".nii.gz", ".dcm", ".bin", ".bin.gz", ".png", "")


@st.composite
def headers(draw):
    """Draw a file with a header of NRRD or MetaImage whose values are of the right kind, or nearly."""
    sizes = " ".join(str(draw(NUMBERS)) for _ in range(draw(st.integers(0, 4)))) or f"{SIZE[0]} {SIZE[1]}"
    sizes = draw(st.sampled_from([f"{SIZE[0]} {SIZE[1]}", f"{SIZE[0]} {SIZE[1]} 1", sizes]))
    other = draw(st.sampled_from(["", "/dev/zero", "/etc/passwd", "LIST", "LOCAL"]))
    kind = draw(st.sampled_from(["uint8", "double", "block", "MET_UCHAR", "MET_DOUBLE", "MET_NONE"]))
    packed = draw(st.booleans())
    if draw(st.booleans()):
        lines = [f"NRRD000{draw(st.integers(0, 9))}", f"type: {kind}", f"dimension: {draw(NUMBERS)}"]
        lines += [f"sizes: {sizes}", f"encoding: {'gzip' if packed else 'raw'}"]
        lines += [f"data file: {other}"] if other else []
        return "\n".join([*lines, "", ""]).encode() + PIXELS
    lines = [f"NDims = {draw(NUMBERS)}", "BinaryData = True", f"CompressedData = {packed}", f"DimSize = {sizes}"]
    lines += [f"ElementType = {kind}", f"ElementDataFile = {other or 'LOCAL'}", ""]
    return "\n".join(lines).encode() + PIXELS


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), NUMBERS),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=8), inner, max_size=4)),
    max_leaves=12,
)
PARAMS = st.one_of(
    st.dictionaries(
        st.sampled_from(["joints", "foreground", "label", "model", "client_id", "result_extension", "max_workers"]),
        JSON,
        min_size=1,
        max_size=4,
    ).filter(lambda each: each.get("joints") or each.get("foreground")),
    st.lists(st.dictionaries(st.sampled_from(["x", "y", "left", "joint", "angle", "unit", "image"]), JSON)).map(
        lambda rows: {"joints": rows or [0]}
    ),
)
PATHS = st.sampled_from(
    [
        *("infer/bls_gan", "datastore/label", "datastore/image/info", "datastore/", "datastore/image", "info/"),
        *("activelearning/random", "activelearning/least_sure", "model/bls_gan", "model/info/x", "scoring/", "auth/"),
        *(
            "pacs/studies",
            "pacs/series",
            "pacs/instances",
            "bls-gan/src/index.js",
            "session/",
            "batch/infer/x",
            "proposals",
            "measurements",
            "measurements/earlier",
            "measurements/pictures",
            "node",
        ),
    ]
)


LARGEST_GROWTH = 200 * 2**20
"""Bytes by which the server may grow over all of these requests."""


@pytest.fixture(scope="module", autouse=True)
def _memory(server):
    """Check that the server has not grown when all requests are through."""
    process = psutil.Process(server.pid)
    before = process.memory_info().rss
    yield
    grown = process.memory_info().rss - before
    print(f"grown by {grown / 2**20:.0f} MiB")
    assert grown <= LARGEST_GROWTH


@pytest.fixture(scope="module")
def masks():
    """Return the starts of files of each kind, to be changed at random."""
    nifti = bytearray(352)
    nifti[0:4], nifti[40:50] = (
        (348).to_bytes(4, "little"),
        b"\2\0" + b"".join(side.to_bytes(2, "little") for side in (*SIZE, 1, 1)),
    )
    nifti[70:74], nifti[108:112], nifti[344:347] = b"\2\0\10\0", b"\0\0\260\103", b"n+1"
    return [bytes(nifti) + bytes(1000), b"\0" * 128 + b"DICM" + bytes(64), zlib.compress(bytes(5000)), b"\x89PNG\r\n"]


def check(server, pid, answer):
    """Check that a request was answered, by no fault, and that the server runs on."""
    assert answer.status_code < 500, (answer.status_code, answer.text)
    assert "Traceback" not in answer.text
    assert server.alive
    assert server.pid == pid


@fewer
@given(content=headers(), suffix=st.sampled_from(SUFFIXES), save=st.booleans())
def test_a_header_drawn_at_random(server, sample, content, suffix, save):
    send(server, sample, f"a{suffix}", content, save=save)


@fewer
@given(seed=st.integers(0, 2**32), kind=st.integers(0, 3), suffix=st.sampled_from(SUFFIXES))
def test_bytes_changed_at_random(server, sample, masks, seed, kind, suffix):
    chance, content = random.Random(seed), bytearray(masks[kind])
    for _ in range(chance.randrange(12)):
        content[chance.randrange(len(content))] = chance.randrange(256)
    send(server, sample, f"a{suffix}", bytes(content[: chance.randrange(1, len(content) + 1)]))


def send(server, sample, name, content, *, save=False):
    pid, files = server.pid, {"label": (name, content), "params": (None, '{"joints": [{"x": 537, "y": 770}]}')}
    where = ("PUT", "datastore/label") if save else ("POST", "infer/bls_gan")
    answer = requests.request(
        where[0], f"{server.url}/{where[1]}", params={"image": sample.sop}, files=files, timeout=LIMIT
    )
    check(server, pid, answer)


@fewer
@given(params=PARAMS, broken=st.integers(0, 5))
def test_parameters_drawn_at_random(server, sample, params, broken):
    text = json.dumps(params)
    text = text[: len(text) // 2] if broken == 0 else text
    answer = requests.post(
        f"{server.url}/infer/bls_gan", params={"image": sample.sop}, files={"params": (None, text)}, timeout=LIMIT
    )
    check(server, server.pid, answer)


@fewer
@given(
    method=st.sampled_from(["GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS", "PATCH"]),
    path=st.one_of(PATHS, st.text(st.characters(codec="utf-8"), max_size=20)),
    query=st.dictionaries(
        st.sampled_from(["image", "output", "images", "run_sync", "label", "tag", "limit"]), st.text(max_size=12)
    ),
    body=st.one_of(st.binary(max_size=64), JSON.map(lambda value: json.dumps(value).encode())),
    kind=st.sampled_from(
        ["", "application/json", "multipart/form-data", "multipart/form-data; boundary=x", "text/plain", "x"]
    ),
)
def test_requests_drawn_at_random(server, method, path, query, body, kind):
    headers = {"Content-Type": kind} if kind else {}
    answer = requests.request(method, f"{server.url}/{path}", params=query, data=body, headers=headers, timeout=LIMIT)
    check(server, server.pid, answer)


@fewer
@given(name=st.sampled_from(["Host", "Origin", "X-Forwarded-Proto", "Content-Type"]), value=st.binary(max_size=16))
def test_header_lines_drawn_at_random(server, name, value):
    connection = http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=LIMIT)
    connection.putrequest("POST", "/infer/bls_gan?image=1.2.3", skip_host=name == "Host")
    try:
        connection.putheader(name, value)
    except ValueError:
        return
    connection.putheader("Content-Length", "0")
    connection.endheaders()
    assert connection.getresponse().status < 500
    assert server.alive

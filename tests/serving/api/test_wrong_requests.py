"""Tests of requests of a wrong shape: each is refused with a sentence, and none is taken for an empty one."""

import http.client
import json

import pytest
import requests

from tests.serving.conftest import ask, objects_in
from tests.support.waiting import LIMIT

pytestmark = pytest.mark.pacs

DEEP = '{"a":' * 100_000
MULTIPART = {"Content-Type": "multipart/form-data; boundary=x"}
PARAMS = b'--x\r\nContent-Disposition: form-data; name="params"\r\n\r\n{"joints": [{"x": 537, "y": 770}]}\r\n'
LABEL = b'--x\r\nContent-Disposition: form-data; name="label"; filename="a.bin"\r\n\r\n' + bytes(1000)


def post(server, path, **more):
    return requests.post(f"{server.url}/{path}", timeout=LIMIT, **more)


@pytest.mark.parametrize(
    ("params", "sentence"),
    [
        ('{"foreground": "abc"}', "foreground: expected points [x, y] or [x, y, 0], got str"),
        ('{"foreground": [1, 2]}', "foreground: expected points [x, y] or [x, y, 0], got a list of 2 other values"),
        ('{"foreground": [["a", 1]]}', "foreground: expected points [x, y] or [x, y, 0], got"),
        ('{"foreground": [[1]]}', "foreground: expected points [x, y] or [x, y, 0], got"),
        ('{"joints": {"x": 1}}', "joints: expected a list of joints, got dict"),
        ('{"joints": [{"x": {"a": 1}, "y": [2]}]}', "joints, row 1: x: expected a number, got"),
        (f'{{"joints": [{{"x": {"9" * 400}, "y": 1}}]}}', "params: expected numbers up to"),
        ('{"joints": [{"x": 1e400, "y": 1}]}', "params: expected numbers up to"),
        ('{"joints": [{"x": NaN, "y": 1}]}', "params: expected JSON"),
        ('{"result_extension": [1]}', "result_extension: expected a suffix, got"),
        (DEEP, "params: expected JSON"),
        ('{"joints": ' + "[" * 150 + "]" * 150 + "}", "joints"),
    ],
    ids=lambda value: str(value)[:24],
)
def test_parameters_of_a_wrong_shape_are_refused(server, pacs, hand, params, sentence):
    answer = post(server, f"infer/bls_gan?image={hand.sop}", files={"params": (None, params)})
    assert answer.status_code == 400, answer.text
    assert answer.json()["detail"].startswith(sentence)
    assert set(objects_in(pacs, hand.study)) == {hand.sop}


@pytest.mark.parametrize(
    ("body", "headers", "status", "sentence"),
    [
        (b'{"joints": []}', {"Content-Type": "application/json"}, 415, "content-type: expected multipart/form-data"),
        (b"junk", {}, 415, "content-type: expected multipart/form-data, got none"),
        (b'{"joints": []}', {"Content-Type": "application/x-www-form-urlencoded"}, 400, "form: expected params or"),
        (b"a=b", {"Content-Type": "application/x-www-form-urlencoded"}, 400, "form: expected params or label"),
        (b"junk", MULTIPART, 400, "form: "),
        (PARAMS, MULTIPART, 400, "form: expected all parts up to the last boundary"),
        (PARAMS + LABEL, MULTIPART, 400, "form: expected all parts up to the last boundary"),
        (PARAMS, {"Content-Type": "multipart/form-data"}, 400, "form: broken"),
        (b"--y--\r\n", MULTIPART, 400, "form: "),
        (b"x", {**MULTIPART, "Content-Encoding": "gzip"}, 415, "content-encoding: expected none, got 'gzip'"),
    ],
    ids=str,
)
def test_a_body_that_is_no_whole_form_does_not_make_all_joints_anew(
    server, pacs, hand, body, headers, status, sentence
):
    assert ask(server, hand.sop, hand.at("MCP2")).status_code == 200
    before = objects_in(pacs, hand.study)
    answer = post(server, f"infer/bls_gan?image={hand.sop}&output=json", data=body, headers=headers)
    assert answer.status_code == status, answer.text
    assert answer.json()["detail"].startswith(sentence)
    assert objects_in(pacs, hand.study) == before


@pytest.mark.parametrize(
    ("method", "path", "status", "sentence"),
    [
        ("POST", "infer/bls_gan?image=1.2.3&output=nothing", 422, "output: input should be 'image'"),
        ("POST", "batch/infer/x", 400, "model: expected bls_gan, got 'x'"),
        ("POST", "batch/infer/bls_gan?images=some", 422, "images: input should be 'all'"),
        ("PUT", "datastore/image/info?image=1.2.3", 404, "image 1.2.3: no such radiograph"),
        ("PUT", "datastore/label/info?label=1.2.3&tag=final", 400, "not offered here"),
        ("PUT", "datastore/updatelabelinfo?label=1.2.3&tag=final", 400, "not offered here"),
        ("DELETE", "datastore/image?id=1.2.3", 400, "not offered here"),
        ("POST", "scoring/x", 404, "nothing at /scoring/x"),
        ("GET", "model/nothing", 404, "Model File NOT Found"),
        ("GET", "%00", None, ""),
        ("GET", "x" * 5000, 404, "nothing at /"),
        ("GET", "bls-gan/%00", 404, ""),
        ("GET", "bls-gan/" + "x" * 5000, 404, ""),
        ("GET", "pacs/studies?limit=%00&x=\x7f", None, ""),
    ],
)
def test_what_is_not_there_is_told(server, method, path, status, sentence):
    answer = requests.request(method, f"{server.url}/{path}", timeout=LIMIT)
    assert answer.status_code == (status or answer.status_code) < 500
    assert status is None or sentence in answer.json()["detail"]


@pytest.mark.parametrize("info", ["[1]", "x", DEEP, '{"a": "' + "x" * 20_000 + '"}'], ids=["list", "x", "deep", "long"])
def test_what_is_said_of_an_image_is_an_object(server, hand, info):
    answer = requests.put(
        f"{server.url}/datastore/image/info", params={"image": hand.sop}, data={"info": info}, timeout=LIMIT
    )
    assert answer.status_code == 400
    assert answer.json()["detail"].startswith("info: expected")


def test_what_is_said_of_an_image_is_kept_but_its_uids_stay(server, hand):
    said = {"info": json.dumps({"reader": "one", "StudyInstanceUID": "1.2", "strategy": [1]})}
    where = f"{server.url}/datastore/image/info?image={hand.sop}"
    assert requests.put(where, data=said, timeout=LIMIT).status_code == 200
    told = requests.get(where, timeout=LIMIT).json()
    assert (told["reader"], told["StudyInstanceUID"]) == ("one", hand.study)
    assert post(server, "activelearning/random").status_code == 200


@pytest.mark.parametrize("path", ["train/bls_gan", "batch/infer/bls_gan", "activelearning/random"])
@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        ("[1]", "application/json", 400),
        (DEEP, "application/json", 400),
        ('{"max_workers": 1e999, "max_epochs": 1e999}', "application/json", 400),
        ("a=b", "application/x-www-form-urlencoded", 415),
    ],
    ids=["list", "deep", "infinite", "form"],
)
def test_a_body_that_is_no_json_object_is_refused(server, path, body, kind, status):
    answer = post(server, path, data=body, headers={"Content-Type": kind})
    assert answer.status_code == status, answer.text


@pytest.mark.parametrize("name", ["Host", "Origin"])
def test_a_host_or_an_origin_that_is_none_is_refused(server, name):
    address = server.url.removeprefix("http://")
    connection = http.client.HTTPConnection(address, timeout=LIMIT)
    connection.putrequest("GET", "/info/", skip_host=True)
    connection.putheader("Host", "[::1" if name == "Host" else address)
    if name == "Origin":
        connection.putheader("Origin", "http://[::1")
    connection.endheaders()
    answer = connection.getresponse()
    assert answer.status == {"Host": 400, "Origin": 403}[name]
    assert json.loads(answer.read())["detail"].startswith(name.lower())

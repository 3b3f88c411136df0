"""Tests of the PACS on the viewer's origin: allowed and refused requests."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
import requests
from fastapi import FastAPI
from monailabel.config import settings

from serving.api.dicomweb_proxy import router
from serving.api.middleware import answer_failures
from tests.serving.conftest import objects_in
from tests.support.waiting import LIMIT

pytestmark = pytest.mark.pacs


def test_studies_are_searched_and_addresses_of_pixels_stay_on_this_origin(server, orthanc, hand):
    found = requests.get(f"{server.url}/pacs/studies", params={"StudyInstanceUID": hand.study}, timeout=LIMIT)
    assert len(found.json()) == 1
    assert f"{server.url}/pacs/studies/{hand.study}" in found.text
    header = requests.get(f"{server.url}/pacs/studies/{hand.study}/metadata", timeout=LIMIT)
    assert hand.sop in header.text
    assert orthanc.studies not in found.text + header.text


def test_pixels_come_as_they_are_stored(server, hand):
    where = hand.where
    frame = requests.get(
        f"{server.url}/pacs/studies/{where.study}/series/{where.series}/instances/{where.sop}/frames/1",
        headers={"Accept": 'multipart/related; type="application/octet-stream"; transfer-syntax=*'},
        timeout=LIMIT,
    )
    assert frame.headers["content-type"].startswith("multipart/related")
    assert len(frame.content) > 100_000


def test_an_object_that_the_viewer_saves_is_stored(server, pacs, hand, draw):
    import io

    content = io.BytesIO()
    other = draw(31)
    other.dataset.save_as(content, enforce_file_format=True)
    body = b"--x\r\nContent-Type: application/dicom\r\n\r\n" + content.getvalue() + b"\r\n--x--"
    kind = {"Content-Type": 'multipart/related; type="application/dicom"; boundary=x'}
    answer = requests.post(f"{server.url}/pacs/studies", data=body, headers=kind, timeout=LIMIT)
    assert answer.status_code == 200
    assert set(objects_in(pacs, other.study)) == {other.sop}


@pytest.mark.parametrize("path", ["system", "instances/../../system", "studies/%2e%2e/%2e%2e/system", "changes", ""])
def test_nothing_but_dicomweb_passes(server, path):
    session = requests.Session()
    asked = requests.Request("GET", f"{server.url}/pacs/x").prepare()
    asked.url = f"{server.url}/pacs/{path}"
    answer = session.send(asked, timeout=LIMIT)
    assert answer.status_code == 400
    assert answer.json()["detail"].startswith("path: expected studies, series or instances of DICOMweb, got ")


def test_nothing_is_deleted_through_the_proxy(server, pacs, hand):
    answer = requests.delete(f"{server.url}/pacs/studies/{hand.study}", timeout=LIMIT)
    assert answer.status_code in (404, 405)
    assert hand.sop in objects_in(pacs, hand.study)


def test_a_foreign_page_reads_nothing_of_the_pacs(server):
    answer = requests.get(f"{server.url}/pacs/studies", headers={"Origin": "http://evil.example"}, timeout=LIMIT)
    assert answer.status_code == 403


@pytest.mark.parametrize(("told", "scheme"), [("https, http", "https"), ("HTTPS", "https"), ("gopher", "http")])
def test_of_several_proxies_the_one_nearest_to_the_viewer_tells_the_scheme(server, hand, told, scheme):
    found = requests.get(
        f"{server.url}/pacs/studies",
        params={"StudyInstanceUID": hand.study},
        headers={"X-Forwarded-Proto": told},
        timeout=LIMIT,
    )
    assert f'"{server.url.replace("http", scheme, 1)}/pacs/studies/{hand.study}"' in found.text


def test_a_pacs_that_refuses_the_servers_password_is_told_and_nobody_is_asked_to_log_in(orthanc, monkeypatch):
    monkeypatch.setattr(settings, "MONAI_LABEL_STUDIES", orthanc.studies)
    app = FastAPI()
    answer_failures(app)
    app.include_router(router)

    async def asked():
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
            return await client.get("/pacs/studies")

    with ThreadPoolExecutor(1) as thread:
        answer = thread.submit(asyncio.run, asked()).result()
    assert answer.status_code == 502
    assert answer.json()["detail"] == "the PACS refuses the user or the password of this server"

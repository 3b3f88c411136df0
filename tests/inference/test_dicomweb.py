"""A PACS as source and sink, without one: what is refused before it is asked, and what it does not answer."""

import sys

import pytest

from scripts.errors import InputError
from scripts.inference import dicomweb
from scripts.inference.batch import list_images
from scripts.inference.dicomweb import PAGE, Storage, find_radiographs, host_of, storage
from tests.support.dicom_sources import source

AWAY = "http://user:SECRET@127.0.0.1:9/dicom-web"


def item(number, **more):
    """An image as a search finds it."""
    uids = {"0020000D": "1.2", "0020000E": "1.2.3", "00080018": f"1.2.3.{number}", **more}
    return {tag: {"vr": "UI", "Value": value if isinstance(value, list) else [value]} for tag, value in uids.items()}


class Archive:
    """Images of modality DX, in pages."""

    def __init__(self, items):
        self.items, self.asked = items, []

    def search_for_instances(self, search_filters, fields, limit, offset):
        self.asked.append({**search_filters, "offset": offset})
        return self.items[offset : offset + limit] if search_filters["Modality"] == "DX" else []


def with_images(monkeypatch, items):
    archive = Archive(items)
    monkeypatch.setattr(dicomweb, "_client", lambda url: archive)
    return archive


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("PatientNumber=SECRET", "expected keywords of DICOM, such as PatientID=12, got 'PatientNumber'"),
        ("SECRET", "expected KEYWORD=VALUE&KEYWORD=VALUE, got a part without ="),
    ],
)
def test_a_query_that_cannot_be_read_is_refused_without_its_values(query, says):
    with pytest.raises(InputError) as refused:
        find_radiographs(AWAY, query)
    assert says in str(refused.value)
    assert "SECRET" not in str(refused.value)


def test_a_pacs_that_is_away_is_a_sentence_without_the_password(monkeypatch):
    monkeypatch.setattr(dicomweb, "ATTEMPTS", 1)
    dicomweb._client.cache_clear()
    with pytest.raises(SystemExit, match=r"^127\.0\.0\.1:9: does not answer a search \(ConnectionError\)$"):
        list_images("", studies=AWAY)
    with pytest.raises(InputError, match=r"127\.0\.0\.1:9: does not answer a store"):
        Storage(AWAY)([source()])


def test_a_missing_library_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "dicomweb_client", None)
    with pytest.raises(InputError, match="expected dicomweb-client, got none; pip install"):
        find_radiographs(AWAY, "")


def test_an_archive_is_listed_page_by_page_with_the_joints_of_each_image(monkeypatch):
    archive = with_images(monkeypatch, [item(number) for number in range(PAGE + 5)])
    joints = [{"image": "1.2.3.7", "x": 5, "y": 6}, {"image": "1.2.3.8", "x": 7, "y": 8}]
    found = {entry.sop: entry for entry in find_radiographs(AWAY, "StudyDate=20100101-", joints)}
    assert len(found) == PAGE + 5
    assert found["1.2.3.7"].name == "1.2/1.2.3.7"
    assert [row.numbers for row in found["1.2.3.7"].rows] == [(5, 6)]
    assert found["1.2.3.9"].rows == ()
    assert [asked["offset"] for asked in archive.asked if asked["Modality"] == "DX"] == [0, PAGE, PAGE + 5]
    assert all(asked["StudyDate"] == "20100101-" for asked in archive.asked)


def test_layers_of_this_software_are_left_out_and_a_query_may_name_the_modality(monkeypatch):
    layer = item(2, **{"00080008": ["DERIVED", "SECONDARY"], "00080070": dicomweb.MAKER})
    archive = with_images(monkeypatch, [item(1), layer])
    assert [entry.sop for entry in find_radiographs(AWAY, "Modality=DX")] == ["1.2.3.1"]
    assert {asked["Modality"] for asked in archive.asked} == {"DX"}
    with pytest.raises(InputError, match="holds no radiograph that fits the query"):
        find_radiographs(AWAY, "Modality=CR")


def test_an_image_with_a_path_for_a_uid_is_refused(monkeypatch):
    with_images(monkeypatch, [item(1, **{"00080018": "../../etc"})])
    with pytest.raises(InputError, match="expected UIDs of its images, got other text"):
        find_radiographs(AWAY, "")


def test_no_address_is_no_storage():
    assert storage(None) is None
    assert host_of(AWAY) == "127.0.0.1:9"

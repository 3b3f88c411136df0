"""Chromium in front of the server."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright import sync_api
from pydicom import dcmread

from scripts.errors import InputError
from scripts.phantoms.hand import draw_hand
from scripts.phantoms.hand_files import save
from tests.serving.conftest import Hand, or_skip
from tests.support.desk import FLAGS, Desk


def find_chromium() -> str:
    binary = shutil.which("chromium")
    if binary is None:
        raise InputError("Chromium is missing: apt-get install --yes chromium")
    return binary


@pytest.fixture(scope="session")
def chromium() -> Iterator[sync_api.Browser]:
    """The browser."""
    binary = or_skip(find_chromium)
    with sync_api.sync_playwright() as playwright:
        playwright.selectors.set_test_id_attribute("data-cy")
        browser = playwright.chromium.launch(executable_path=binary, headless=True, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture
def desk(chromium: sync_api.Browser, server, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    """A page of its own, with nothing remembered."""
    context = chromium.new_context(viewport={"width": 1920, "height": 1080})
    pictures = os.environ.get("BLS_GAN_SCREENSHOTS")
    desk = Desk(context.new_page(), server.url, Path(pictures) if pictures else tmp_path)
    yield desk
    desk.picture(request.node.name)
    context.close()


@pytest.fixture(scope="session")
def whole_hand(tmp_path_factory: pytest.TempPathFactory) -> Hand:
    """A hand of the size that detectors have: 2500 x 2000 px of 0.1 mm."""
    path = tmp_path_factory.mktemp("whole") / "hand.dcm"
    hand = draw_hand(93, spacing=0.1)
    save(hand, path, number=93)
    return Hand(dcmread(path), {name: (joint.centre[0], joint.centre[1]) for name, joint in hand.joints.items()})

import shutil
from concurrent.futures import ThreadPoolExecutor

import pytest

from benchmarks.serving import main
from scripts.errors import InputError

pytestmark = [pytest.mark.slow, pytest.mark.pacs, pytest.mark.browser]


@pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is not installed")
def test_the_command_prints_a_click_the_screen_and_the_load(capsys):
    try:
        # In a thread of its own: two of Playwright's loops, its own and that of a fixture, may not be in one.
        with ThreadPoolExecutor(1) as alone:
            alone.submit(main, requests_=8, clients=2, images=1, spacing=0.2, clicks=1).result()
    except InputError as missing:
        pytest.skip(str(missing))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("One click, ")
    assert [line.strip().split(":")[0].split(",")[0] for line in lines[1:4]] == [
        "first on an image",
        "second on it",
        "network alone",
    ]
    assert "layers on the screen" in lines[5]
    assert lines[6].startswith("8 requests from 2 clients at once")
    assert "good ones that failed: 0; bad ones that were taken: 0" in lines[7]
    assert lines[-1].endswith("the PACS holds twice: 0")

"""Test of a page of another origin, open in a browser of the machine on which the PACS runs."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.serving.conftest import objects_in

pytestmark = [pytest.mark.pacs, pytest.mark.browser, pytest.mark.slow]


def test_a_page_of_another_origin_neither_ends_the_pacs_nor_reads_it(orthanc, pacs, hand, chromium):
    class Page(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()

        def log_message(self, *_):
            pass

    foreign = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=foreign.serve_forever, daemon=True).start()
    page = chromium.new_page()
    try:
        page.goto(f"http://localhost:{foreign.server_port}/")
        said = page.evaluate(
            """async url => {
                for (const path of ['/tools/shutdown', '/tools/reset', '/instances'])
                    await fetch(url + path, { method: 'POST', mode: 'no-cors', body: '{}' });
                try { return await (await fetch(url + '/patients?expand')).text(); } catch (error) { return 'refused'; }
            }""",
            orthanc.url,
        )
    finally:
        page.close()
        foreign.shutdown()
    assert said == "refused"
    assert orthanc.alive
    assert hand.sop in objects_in(pacs, hand.study)

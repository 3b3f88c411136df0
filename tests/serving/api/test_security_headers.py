"""Tests of the headers that tell a browser what a page may load."""

from base64 import b64encode
from hashlib import sha256

import pytest
import requests

from serving.api.security_headers import security_headers
from tests.support.waiting import LIMIT


def policy(headers):
    rules = headers["content-security-policy"].split("; ")
    return {rule.split(" ", 1)[0]: rule.split(" ", 1)[1] for rule in rules}


def test_inline_scripts_of_the_viewers_page_are_allowed_and_no_others(tmp_path):
    page = tmp_path / "index.html"
    page.write_text("<script>one()</script><script src='x.js'></script><script>two()</script>")
    allowed = policy(security_headers(page))["script-src"].split()
    sums = [f"'sha256-{b64encode(sha256(text).digest()).decode()}'" for text in (b"one()", b"two()")]
    assert allowed == ["'self'", "'wasm-unsafe-eval'", "'unsafe-eval'", *sums]


def test_the_login_service_may_be_asked_where_there_is_one(tmp_path):
    rules = policy(security_headers(tmp_path / "none", "https://login.example.org/realms/hands"))
    assert "https://login.example.org" in rules["connect-src"].split()
    assert "login" not in security_headers(tmp_path / "none")["content-security-policy"]


@pytest.mark.pacs
@pytest.mark.parametrize("path", ["", "app-config.js", "info/", "pacs/studies", "infer/bls_gan", "nothing.js"])
def test_every_answer_has_them(server, path):
    headers = requests.get(f"{server.url}/{path}", timeout=LIMIT).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert policy(headers)["frame-ancestors"] == "'self'"
    assert "'unsafe-inline'" not in policy(headers)["script-src"]

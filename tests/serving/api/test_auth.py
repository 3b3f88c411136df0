"""Tests of the login by tokens of an OIDC realm."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

import jwt
import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from serving.local.monailabel import LabelServer
from serving.local.orthanc import free_port
from tests.support.waiting import LIMIT

pytestmark = [pytest.mark.pacs, pytest.mark.slow]

USER = "monailabel-user"
SLOW = 2.0
"""Seconds that the realm takes for some."""


@pytest.fixture(scope="module")
def realm():
    """Yield the address of a realm that publishes its public key as Keycloak does, and its private key."""
    key = rsa.generate_private_key(65537, 2048)
    public = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    import base64

    found = {"realm": "hands", "public_key": base64.b64encode(public).decode(), "token_endpoint": ""}

    class Realm(BaseHTTPRequestHandler):
        def answer(self, status, content):
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(content).encode())

        def do_GET(self):
            address = f"http://127.0.0.1:{service.server_port}/token"
            self.answer(200, {**found, "token_endpoint": address})

        def do_POST(self):
            form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            if form["username"] == ["slow"]:
                time.sleep(SLOW)
            wrong = form["password"] == ["wrong"]
            self.answer(401 if wrong else 200, {"access_token": "given", "token_type": "bearer"})

        def log_message(self, *_):
            pass

    service = ThreadingHTTPServer(("127.0.0.1", 0), Realm)
    threading.Thread(target=service.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{service.server_port}/realms/hands", key
    service.shutdown()


@pytest.fixture(scope="module")
def closed(realm, orthanc, tmp_path_factory):
    """Yield a server that requires a login."""
    settings = {"MONAI_LABEL_AUTH_ENABLE": "true", "MONAI_LABEL_AUTH_REALM_URI": realm[0]}
    state = tmp_path_factory.mktemp("state")
    running = LabelServer(
        orthanc.studies,
        state,
        port=free_port(0),
        orthanc=orthanc.url,
        credentials=orthanc.credentials,
        settings=settings,
    )
    yield running
    running.stop()


def token(key, roles=(USER,), **more):
    claims = {"preferred_username": "reader", "realm_access": {"roles": list(roles)}, **more}
    return {"Authorization": f"Bearer {jwt.encode(claims, key, algorithm='RS256')}"}


PATHS = [
    ("GET", "pacs/studies"),
    ("POST", "infer/bls_gan?image=1.2.3"),
    ("GET", "measurements?image=1.2.3"),
    ("POST", "measurements?image=1.2.3"),
    ("GET", "measurements/pictures?image=1.2.3&joint=MCP2&first=0&second=1"),
    ("GET", "datastore/"),
    ("GET", "node"),
    ("GET", "node.json"),
    ("POST", "pacs/studies"),
]


@pytest.mark.parametrize(("method", "path"), PATHS)
def test_nobody_reads_or_writes_without_a_token(closed, method, path):
    assert requests.request(method, f"{closed.url}/{path}", timeout=LIMIT).status_code == 401


def test_who_has_a_token_and_the_role_is_answered(closed, realm, hand):
    headers = token(realm[1])
    assert requests.get(f"{closed.url}/pacs/studies", headers=headers, timeout=LIMIT).status_code == 200
    asked = {"params": json.dumps({"joints": hand.at("MCP2")})}
    answer = requests.post(
        f"{closed.url}/infer/bls_gan",
        params={"image": hand.sop, "output": "json"},
        data=asked,
        headers=headers,
        timeout=LIMIT,
    )
    assert answer.status_code == 200, answer.text


def test_a_token_without_the_role_of_another_realm_or_out_of_date_is_none(closed, realm):
    stranger = rsa.generate_private_key(65537, 2048)
    unsigned = {"Authorization": f"Bearer {jwt.encode({'preferred_username': 'x'}, None, algorithm='none')}"}
    for headers, status in (
        (token(realm[1], roles=()), 403),
        (token(stranger), 401),
        (token(realm[1], exp=1), 401),
        (unsigned, 401),
        ({"Authorization": "Bearer junk"}, 401),
    ):
        assert requests.get(f"{closed.url}/pacs/studies", headers=headers, timeout=LIMIT).status_code == status


def test_the_viewer_itself_is_no_secret(closed):
    assert requests.get(f"{closed.url}/app-config.js", timeout=LIMIT).status_code in (200, 404)


def log_in(closed, user, password):
    return requests.post(
        f"{closed.url}/auth/token",
        data={"username": user, "password": password, "grant_type": "password"},
        timeout=LIMIT,
    )


def test_a_token_is_fetched_for_a_user_and_a_password(closed):
    assert log_in(closed, "reader", "right").json() == {"access_token": "given", "token_type": "bearer"}
    refused = log_in(closed, "reader", "wrong")
    assert (refused.status_code, refused.json()["detail"]) == (
        401,
        "the login service refuses this user or this password",
    )
    assert requests.post(f"{closed.url}/auth/token", data={"username": "x"}, timeout=LIMIT).status_code == 422


def test_a_slow_realm_keeps_only_those_waiting_who_log_in(closed):
    waiting = threading.Thread(target=log_in, args=(closed, "slow", "right"))
    waiting.start()
    start = time.monotonic()
    for _ in range(5):
        assert requests.get(f"{closed.url}/app-config.js", timeout=LIMIT).status_code == 200
    assert time.monotonic() - start < SLOW / 2
    assert waiting.is_alive()
    waiting.join()


@pytest.mark.parametrize("roles", ["monailabel-user", {"a": 1}, [1, {}]], ids=str)
def test_a_token_with_roles_of_another_shape_is_none(closed, realm, roles):
    claims = {"preferred_username": "reader", "realm_access": {"roles": roles}}
    headers = {"Authorization": f"Bearer {jwt.encode(claims, realm[1], algorithm='RS256')}"}
    assert requests.get(f"{closed.url}/pacs/studies", headers=headers, timeout=LIMIT).status_code == 401

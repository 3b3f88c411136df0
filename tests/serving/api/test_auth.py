"""Tests of the login by tokens of an OIDC realm."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

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


@pytest.fixture(scope="module")
def realm():
    """Yield the address of a realm that publishes its public key as Keycloak does, and its private key."""
    key = rsa.generate_private_key(65537, 2048)
    public = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    import base64

    answer = json.dumps({"realm": "hands", "public_key": base64.b64encode(public).decode()}).encode()

    class Realm(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(answer)

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
    ("GET", "datastore/"),
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

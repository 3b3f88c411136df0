"""Tests of Dockerfile and compose file, as far as they can be checked without an engine."""

import re

import yaml

from serving.local.ohif_download import PACKAGE
from tests.serving.conftest import ROOT


def test_what_the_image_copies_is_in_the_repository_and_pins_are_those_of_the_requirements():
    text = (ROOT / "Dockerfile").read_text()
    copied = [line.split()[1:-1] for line in text.splitlines() if line.startswith("COPY ") and "--from" not in line]
    assert [path for paths in copied for path in paths if not (ROOT / path).exists()] == []
    torch = re.search(r"^torch==(\S+)$", (ROOT / "requirements.txt").read_text(), re.MULTILINE)[1]
    assert f"torch=={torch} " in text
    assert PACKAGE in text
    assert f"/state/ohif/{PACKAGE.rsplit('@', 1)[1]}/dist" in text


def test_compose_opens_one_port_on_this_machine_and_keeps_what_has_to_be_kept():
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    assert "ports" not in services["orthanc"]
    assert services["bls_gan"]["ports"] == ["127.0.0.1:8000:8000"]
    assert re.fullmatch(r"orthancteam/orthanc:\d+\.\d+\.\d+", services["orthanc"]["image"])
    assert {volume.split(":")[1] for service in services.values() for volume in service["volumes"]} == {
        "/var/lib/orthanc/db",
        "/state",
    }


def test_the_pacs_has_no_password_that_everybody_knows():
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    asked = "${BLS_GAN_PACS_PASSWORD:?choose a password for the PACS}"
    assert services["orthanc"]["environment"]["ORTHANC__REGISTERED_USERS"] == f'{{"bls_gan": "{asked}"}}'
    assert services["bls_gan"]["environment"]["MONAI_LABEL_DICOMWEB_PASSWORD"] == asked


def test_the_image_runs_what_make_serve_runs_and_not_as_root():
    text = (ROOT / "Dockerfile").read_text()
    assert 'ENTRYPOINT ["python", "-m", "serving"' in text
    assert text.index("USER bls_gan") < text.index("ENTRYPOINT")

"""Tests of MONAI Label's own Python client, with what it and the plugins of Slicer and OHIF send along."""

from pathlib import Path

import pytest
import requests
from monailabel.client import MONAILabelClient
from monailabel.client.client import MONAILabelClientException

from tests.support.waiting import LIMIT

pytestmark = pytest.mark.pacs


@pytest.fixture
def client(server, tmp_path):
    """Return a client that tells its name, as the plugins do."""
    return MONAILabelClient(server.url, tmpdir=str(tmp_path), client_id="slicer-1")


def test_the_app_tells_labels_by_their_names_and_a_type_that_all_selectors_show(client):
    info = client.info()
    assert info["labels"]["overlap"] == info["models"]["bls_gan"]["labels"]["overlap"] == 3
    assert info["models"]["bls_gan"]["type"] in {"segmentation", "deepgrow", "deepedit"}


def test_images_are_listed_as_a_map_with_their_labels(client, hand):
    objects = requests.get(f"{client.get_server_url()}/datastore/?output=all", timeout=LIMIT).json()["objects"]
    assert objects[hand.where.series] == {"image": {}, "labels": {}}
    client.infer("bls_gan", hand.sop, {"joints": hand.at("MCP2")})
    assert client.datastore()["objects"][hand.where.series]["labels"] == {"final": {}}


def test_clicks_are_taken_as_slicer_sends_them(client, hand, tmp_path):
    column, row = (round(side) for side in hand.joints["MCP2"])
    params = {"foreground": [[column, row, 0]], "background": [], "label": "lower bone", "model": "bls_gan"}
    more = {"result_extension": ".nii.gz", "result_dtype": "uint16", "result_compress": False}
    file, answer = client.infer("bls_gan", hand.where.series, {**params, **more})
    assert Path(file).parent == tmp_path
    assert file.endswith(".nii.gz")
    assert len(answer["joints"]) == 1


def test_a_client_on_this_machine_keeps_the_file_that_it_gets_and_the_one_that_it_sends(server, hand):
    here = MONAILabelClient(server.url, client_id="slicer-1")
    file, _ = here.infer("bls_gan", hand.sop, {"joints": hand.at("MCP2")})
    try:
        _, again = here.infer("bls_gan", hand.sop, {"joints": hand.at("MCP2")}, label_in=file)
        assert again["joints"][0]["masks"] == "given"
        assert here.save_label(hand.sop, file, tag="final", params={"label_info": [{"name": "lower bone", "idx": 1}]})
        assert Path(file).is_file()
    finally:
        Path(file).unlink()


def test_a_client_that_tells_its_name_may_train_and_a_wrong_name_of_a_parameter_is_told(client):
    with pytest.raises(MONAILabelClientException) as refused:
        client.train_start("bls_gan", {"max_epochs": 2})
    assert "corrected joints: expected 6 or more" in refused.value.msg
    with pytest.raises(MONAILabelClientException) as refused:
        client.train_start("bls_gan", {"epochs": 2})
    assert "got 'epochs'" in refused.value.msg

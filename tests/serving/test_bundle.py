"""Tests of the server's network: it is loaded once, and again when its weights change."""

import os
import shutil

import pytest
import torch

from scripts.networks import checkpoints
from serving.bundle import ROOT, Bundle

SHIPPED = ROOT / "models" / "model.pt"


def test_weights_are_loaded_once(tmp_path):
    bundle = Bundle(tmp_path / "model.pt", SHIPPED)
    assert bundle.get() is bundle.get()


def test_a_look_at_an_image_leaves_the_weights_as_they_are():
    network = Bundle(SHIPPED).get().network
    with torch.inference_mode():
        network.propose(torch.rand(1, 1, 256, 256))
    loaded = checkpoints.read(SHIPPED)
    assert all(torch.equal(value, loaded[name]) for name, value in network.state_dict().items())


def test_new_weights_are_taken_up_and_results_are_signed_with_them(tmp_path):
    bundle = Bundle(tmp_path / "model.pt", SHIPPED)
    before = bundle.get()
    state = checkpoints.read(SHIPPED)
    name = next(iter(state))
    checkpoints.save({**state, name: state[name] + 1}, tmp_path / "model.pt")
    after = bundle.get()
    assert after.software.weights_sha256 != before.software.weights_sha256
    assert not torch.equal(after.network.state_dict()[name], before.network.state_dict()[name])
    os.unlink(tmp_path / "model.pt")
    assert bundle.get().software == before.software


def test_weights_that_are_none_are_refused(tmp_path):
    shutil.copy(ROOT / "README.md", tmp_path / "model.pt")
    with pytest.raises(ValueError, match="not a checkpoint of torch"):
        Bundle(tmp_path / "model.pt").get()

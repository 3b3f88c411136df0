"""The backend of the networks: the answers of OpenVINO beside those of PyTorch, and where its networks are kept."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from scripts.errors import InputError
from scripts.inference.inferer import SeparationInferer
from scripts.inference.pipeline import Pipeline
from scripts.networks import backend, checkpoints
from scripts.networks.separator import Separator
from scripts.phantoms.joint import draw_joint
from tests.support.drawn import EqualShares
from tests.support.regions import picture_region

SHIPPED = Path(__file__).parents[2] / "models" / "model.pt"
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    path = tmp_path_factory.mktemp("models") / "model.pt"
    shutil.copy(SHIPPED, path)
    return path


@pytest.fixture(scope="module")
def network(weights):
    network = checkpoints.load(Separator(), weights).eval()
    backend.compiled(network, "openvino", weights)  # converted once for all tests
    return network


@pytest.fixture(scope="module")
def separated(network, weights):
    """Drawn joints of several sizes, 12 bits, separated by every backend."""
    regions = []
    for seed, size, overlap in ((2, 320, 14), (3, (256, 180), 20), (9, 200, 20)):
        levels = np.rint(draw_joint(seed, size=size, overlap=overlap).image[0].numpy() * 4095).astype(int)
        regions.append(picture_region(levels, bits=12))
    found = {}
    for name in backend.BACKENDS:
        pipeline = Pipeline(network, SeparationInferer(), version="1", weights=weights, backend=name)
        found[name] = [pipeline.separate_region(region) for region in regions]
    return found


def differences(separated, name):
    """Differences of the layers in levels, (2, H, W), and the overlap, (H, W), of each joint."""
    for ours, theirs in zip(separated[name], separated["torch"], strict=True):
        yield (ours.layers - theirs.layers).abs(), theirs.masks.all(dim=0)


def test_openvino_gives_the_layers_of_pytorch_to_a_level_but_for_a_thousandth_of_the_overlap(separated):
    for difference, overlap in differences(separated, "openvino"):
        assert overlap.sum() > 100
        assert (difference > 1).any(dim=0).sum() <= 0.001 * overlap.sum()


def test_bfloat16_is_5_of_4095_levels_apart_on_average_in_the_overlap_and_none_elsewhere(separated):
    for difference, overlap in differences(separated, "openvino_bfloat16"):
        assert difference[:, overlap].double().mean() < 5
        assert difference.double().mean() < 0.5


def test_it_is_openvino_on_a_cpu_where_it_is_installed(monkeypatch):
    assert backend.choose("auto", CPU) == "openvino"
    assert backend.choose("auto", torch.device("cuda")) == "torch"
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert backend.choose("auto", CPU) == "torch"
    with pytest.raises(InputError, match="expected an installed one, got openvino; pip install"):
        backend.choose("openvino", CPU)


def test_a_backend_that_cannot_be_had_is_refused():
    with pytest.raises(InputError, match="expected one of auto, torch, openvino, openvino_bfloat16, got 'onnx'"):
        backend.choose("onnx", CPU)
    with pytest.raises(InputError, match="expected torch on cuda, got openvino"):
        backend.choose("openvino", torch.device("cuda"))


def test_a_network_without_u_nets_stays_as_it_is():
    network = EqualShares()
    assert backend.compiled(network, "openvino") is network


def test_openvino_takes_the_threads_of_pytorch_which_keeps_one(network, weights):
    before = torch.get_num_threads()
    backend.threads.cache_clear()
    try:
        torch.set_num_threads(2)
        for _ in range(2):  # the second time as after new weights
            compiled = backend.compiled(network, "openvino", weights)
            assert compiled.segmenter.unet.threads == 2
            assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)
        backend.threads.cache_clear()


def test_a_network_is_converted_once_for_its_weights_and_again_if_the_file_is_damaged(network, weights, monkeypatch):
    converted = []
    monkeypatch.setattr(backend, "convert", lambda part: converted.append(part) or real(part))
    backend.compiled(network, "openvino", weights)
    backend.compiled(network, "openvino_bfloat16", weights)
    assert not converted
    assert sorted(path.name for path in weights.parent.iterdir()) == ["model.openvino", "model.pt"]
    kept = weights.with_suffix(".openvino")
    kept.write_bytes(kept.read_bytes()[:-5000])
    backend.compiled(network, "openvino", weights)
    assert len(converted) == 5  # segmenter, generator, soft tissue estimator, both of the finder
    backend.compiled(network, "openvino", weights)
    assert len(converted) == 5


real = backend.convert


def test_it_is_kept_in_the_users_cache_where_the_folder_of_the_weights_cannot_be_written(
    network, weights, tmp_path, monkeypatch
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(backend, "convert", lambda part: real(part))
    elsewhere = tmp_path / "file" / "model.pt"
    (tmp_path / "file").touch()  # not a folder
    backend.compiled(network, "openvino", elsewhere)
    [kept] = (tmp_path / "cache" / "bls_gan").iterdir()
    monkeypatch.setattr(backend, "convert", None)
    backend.compiled(network, "openvino", elsewhere)
    assert kept.suffix == ".openvino"

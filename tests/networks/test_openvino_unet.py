import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch

from scripts.networks.openvino_unet import CompiledUNet, convert
from scripts.networks.unet import unet


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return unet(3, 2, (8, 8, 8, 16, 16, 8)).eval()


@pytest.fixture(scope="module")
def model(network):
    return convert(network)


def test_a_compiled_network_answers_as_the_network_does_for_any_batch_and_size(network, model):
    compiled = CompiledUNet(model)
    with torch.inference_mode():
        for shape in ((1, 3, 64, 64), (2, 3, 128, 192), (1, 3, 64, 256)):
            x = torch.rand(shape)
            assert torch.allclose(compiled(x), network(x), atol=1e-4)


def test_threads_may_call_it_at_the_same_time(network, model):
    compiled, images = CompiledUNet(model), [torch.rand(1, 3, 64, 64) for _ in range(12)]
    with torch.inference_mode():
        expected = [network(image) for image in images]
    with ThreadPoolExecutor(4) as threads:
        for answer, right in zip(threads.map(compiled, images), expected, strict=True):
            assert torch.allclose(answer, right, atol=1e-4)


def test_it_uses_as_many_threads_as_it_is_told(model):
    for threads in (1, 2):
        compiled = CompiledUNet(model, threads=threads)
        compiled(torch.rand(1, 3, 64, 64))
        assert compiled._compiled.get_property("INFERENCE_NUM_THREADS") == threads


def test_nothing_is_reported_to_its_makers(model):
    from openvino.tools.ovc import telemetry_stub, telemetry_utils

    assert sys.modules["openvino_telemetry"] is None
    assert telemetry_utils.tm is telemetry_stub


DROPPED = """
import gc, os, signal, sys
import torch
from scripts.networks.openvino_unet import CompiledUNet, convert

signal.signal(signal.SIGUSR1, lambda *_: print("handled"))
networks = [CompiledUNet(convert(torch.nn.Conv2d(1, 1, 3, padding=1))) for _ in range(2)]
for number in range(2):
    networks[number](torch.zeros(1, 1, 64, 64))
for number in map(int, sys.argv[1]):
    networks[number] = None
    gc.collect()
# What was freed is used again.
kept = [bytearray(b"x" * size) for size in range(8000, 20000, 7)]
os.kill(os.getpid(), signal.SIGUSR1)
"""


@pytest.mark.parametrize("order", ["01", "10"])
def test_a_signal_that_comes_after_networks_have_gone_is_handled(order):
    done = subprocess.run(
        [sys.executable, "-c", DROPPED, order], cwd=Path(__file__).parents[2], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, "handled\n")

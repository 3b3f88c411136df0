import subprocess
import sys
from pathlib import Path

import pytest
import torch

from scripts.networks.checkpoints import load, read
from scripts.networks.separator import Separator
from scripts.reference.convert_checkpoints import convert, published
from scripts.reference.networks import TransUNetGenerator, UNetSupervisor, VGGReconstructor
from scripts.reference.separator import ReferenceSeparator
from tests.support import stored_vectors

ROOT = Path(__file__).parents[2]
KINDS = {"generator": TransUNetGenerator, "discriminator": UNetSupervisor, "reconstructor": VGGReconstructor}


def filled(kind, value):
    """A state_dict of one number, which takes next to no room in a file."""
    with torch.device("meta"):
        own = kind().state_dict()
    return {name: torch.tensor(value).to(like.dtype).expand(like.shape) for name, like in own.items()}


@pytest.fixture
def checkpoints(tmp_path):
    """The three files, each wrapped in another way, and a separator of ours."""
    wraps = {
        "generator": lambda state: {f"module.{name}": value for name, value in state.items()},
        "discriminator": lambda state: {"epoch": 30, "state_dict": state},
        "reconstructor": lambda state: {"model": state, "optimizer": {"lr": 1e-5}},
    }
    paths = {}
    for number, (name, kind) in enumerate(KINDS.items(), 1):
        paths[name] = str(tmp_path / f"{name}.pth")
        torch.save(wraps[name](filled(kind, float(number))), paths[name])
    torch.manual_seed(0)
    torch.save(Separator().state_dict(), tmp_path / "model.pt")
    return paths


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def test_three_checkpoints_and_our_segmenter_become_one_file_and_the_supervisor_another(checkpoints, tmp_path):
    output = tmp_path / "converted" / "reference.pt"
    convert(**checkpoints, output=str(output), model=str(tmp_path / "model.pt"))
    assert names_in(output.parent) == ["reference.pt", "reference_supervisor.pt"]
    with torch.device("meta"):
        expected = ReferenceSeparator().state_dict()
    state, ours = read(output), read(tmp_path / "model.pt")
    assert {name: value.shape for name, value in state.items()} == {
        name: value.shape for name, value in expected.items()
    }
    for name, value in state.items():
        part = name.split(".")[0]
        if part == "segmenter":
            assert torch.equal(value, ours[name])
        else:
            assert (value == {"generator": 1, "reconstructor": 3}[part]).all()
    supervisor = load(UNetSupervisor(), output.with_name("reference_supervisor.pt"))
    assert all((value == 2).all() for value in supervisor.state_dict().values())


def test_a_checkpoint_of_another_network_is_refused_by_name_and_nothing_is_written(checkpoints, tmp_path):
    last = "liner.4.bias"
    state = filled(VGGReconstructor, 0.0)
    cases = {
        f"{last} is missing": {name: value for name, value in state.items() if name != last},
        "ghost is not in VGGReconstructor": {**state, "ghost": torch.zeros(1)},
        rf"{last} is \(7,\), \(1,\) expected": {**state, last: torch.zeros(7)},
    }
    output = tmp_path / "converted" / "reference.pt"
    for sentence, wrong in cases.items():
        torch.save(wrong, checkpoints["reconstructor"])
        with pytest.raises(ValueError, match=rf"reconstructor\.pth: weights of another network: {sentence}"):
            convert(**checkpoints, output=str(output), model=str(tmp_path / "model.pt"))
    assert not output.parent.exists()


@pytest.mark.parametrize("content", [[torch.zeros(1)], {"epoch": 3, "weights": {"a": torch.zeros(1)}}])
def test_a_checkpoint_without_a_state_dict_is_refused(tmp_path, content):
    torch.save(content, tmp_path / "G.pth")
    with pytest.raises(ValueError, match=r"G\.pth: expected a state_dict, or one under 'state_dict' or 'model'"):
        published(tmp_path / "G.pth", UNetSupervisor())


def test_on_the_command_line_a_refusal_is_one_sentence_and_status_1(checkpoints, tmp_path):
    arguments = [f"--{name}={path}" for name, path in {**checkpoints, "model": tmp_path / "nowhere.pt"}.items()]
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "scripts.reference.convert_checkpoints",
            *arguments,
            f"--output={tmp_path / 'reference.pt'}",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.strip().endswith("nowhere.pt: no weights there; train them, or name another file with --weights")
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "reference.pt").exists()


@pytest.mark.data
@pytest.mark.slow
@torch.inference_mode()
def test_the_converted_separator_answers_the_stored_vectors(tmp_path):
    stored, paths = stored_vectors.tensors(), {}
    for name, kind in KINDS.items():
        paths[name] = str(tmp_path / f"{name}.pth")
        torch.save({"state_dict": stored_vectors.fill(kind(), name).state_dict()}, paths[name])
    torch.save(Separator().state_dict(), tmp_path / "model.pt")
    convert(**paths, output=str(tmp_path / "reference.pt"), model=str(tmp_path / "model.pt"))
    separator = load(ReferenceSeparator(), tmp_path / "reference.pt").eval().double()
    pred = separator(stored["image"].double(), masks=stored["masks"])
    # As in tests/networks/test_reference.py: the stored answers hold float32's rounding, 1e-4 at most.
    # Outside a bone our answer has soft tissue.
    layers = pred[:, :2].float() * (stored["masks"] > 0.5)
    torch.testing.assert_close(layers, stored["generator_out"], rtol=0, atol=1.5e-4)
    torch.testing.assert_close(pred[:, 5, 0, :1].float(), stored["reconstructor_k"], rtol=0, atol=1e-4)
    supervisor = load(UNetSupervisor(), tmp_path / "reference_supervisor.pt").eval()
    answer = supervisor(stored["generator_out"])
    torch.testing.assert_close(answer, stored["discriminator_out"], rtol=0, atol=1e-4)

# Copyright 2026 The BLS-GAN bundle contributors
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.


from pathlib import Path

import pytest
import torch

from scripts.networks.checkpoints import average, between, load, merge, read
from scripts.networks.separator import Separator

SMALL = {"segmenter": {"features": (8, 8, 8, 8, 8, 8)}, "generator": {"features": (8, 8, 8, 8, 8, 8)}}


def small_separator(seed: int) -> Separator:
    torch.manual_seed(seed)
    return Separator(**SMALL)  # type: ignore[arg-type]


def test_weights_that_were_saved_come_back(tmp_path: Path) -> None:
    saved, network = small_separator(0), small_separator(1)
    torch.save(saved.state_dict(), tmp_path / "model.pt")
    assert load(network, tmp_path / "model.pt") is network
    for name, value in saved.state_dict().items():
        assert torch.equal(network.state_dict()[name], value)


def test_missing_weights_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"model\.pt: no weights there; train them, or name another file"):
        read(tmp_path / "model.pt")


@pytest.mark.parametrize("content", [b"", b"these are no weights", b"\x80\x02}q\x00.", b"PK\x03\x04 half a file"])
def test_a_file_that_is_no_checkpoint_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.pt"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"model\.pt: "):
        load(small_separator(0), path)


def test_half_a_checkpoint_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    torch.save(small_separator(0).state_dict(), path)
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(ValueError, match=r"model\.pt: not a checkpoint of torch"):
        read(path)


def test_a_pickle_that_runs_code_is_refused_and_not_run(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return Path.touch, (tmp_path / "sprung",)  # type: ignore[return-value]

    torch.save({"weights": Trap()}, tmp_path / "model.pt")
    with pytest.raises(ValueError, match=r"model\.pt: not a checkpoint of torch"):
        read(tmp_path / "model.pt")
    assert not (tmp_path / "sprung").exists()


def test_a_checkpoint_of_a_whole_training_is_not_taken_for_weights(tmp_path: Path) -> None:
    network = small_separator(0)
    torch.save({"network": network.state_dict(), "trainer": {"epoch": 3}}, tmp_path / "checkpoint.pt")
    with pytest.raises(ValueError, match=r"checkpoint\.pt: not a state_dict"):
        load(network, tmp_path / "checkpoint.pt")


def test_weights_of_another_network_are_refused_with_what_does_not_fit_and_nothing_is_loaded(tmp_path: Path) -> None:
    network = small_separator(0)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    state = small_separator(1).state_dict()
    last = list(state)[-1]
    cases = {
        f"{last} is missing": {name: value for name, value in state.items() if name != last},
        "ghost is not in Separator": {**state, "ghost": torch.zeros(1)},
        rf"{last} is \(7,\), \({len(state[last])},\) expected": {**state, last: torch.zeros(7)},
    }
    for sentence, wrong in cases.items():
        torch.save(wrong, tmp_path / "model.pt")
        with pytest.raises(ValueError, match=f"weights of another network: {sentence}"):
            load(network, tmp_path / "model.pt")
        for name, value in network.state_dict().items():
            assert torch.equal(value, before[name])


def test_the_segmenter_of_one_training_goes_together_with_the_generator_of_another(tmp_path: Path) -> None:
    trained = {}
    for name, seed in (("segmenter", 0), ("generator", 1), ("finder", 2)):
        torch.manual_seed(seed)
        trained[name] = Separator().state_dict()
        torch.save(trained[name], tmp_path / f"{name}.pt")
    files = {name: str(tmp_path / f"{name}.pt") for name in trained}
    merge(**files, output=str(tmp_path / "model.pt"))
    merged = read(tmp_path / "model.pt")
    assert set(merged) == set(trained["generator"])
    for name, value in merged.items():
        assert torch.equal(value, trained[name.split(".")[0]][name])


def test_weights_between_two_others_lie_on_the_line_and_counters_are_the_new_ones() -> None:
    old = {"w": torch.tensor([0.0, 2.0]), "count": torch.tensor(3)}
    new = {"w": torch.tensor([4.0, 2.0]), "count": torch.tensor(5)}
    half = between(old, new, 0.25)
    assert half["w"].tolist() == [1.0, 2.0]
    assert half["count"] == 5
    assert between(old, new, 1.0)["w"] is new["w"]


def test_two_epochs_are_averaged(tmp_path: Path) -> None:
    states = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        states.append(Separator().state_dict())
        torch.save(states[-1], tmp_path / f"{seed}.pt")
    average(str(tmp_path / "0.pt"), str(tmp_path / "1.pt"), str(tmp_path / "model.pt"))
    for name, value in read(tmp_path / "model.pt").items():
        if value.is_floating_point():
            torch.testing.assert_close(value, (states[0][name] + states[1][name]) / 2)


def test_weights_without_a_finder_are_loaded_and_leave_the_network_without_one(tmp_path: Path) -> None:
    state = {name: value for name, value in Separator().state_dict().items() if not name.startswith("finder.")}
    torch.save(state, tmp_path / "old.pt")
    network = load(Separator(), tmp_path / "old.pt")
    assert network.finder is None
    assert network.state_dict().keys() == state.keys()

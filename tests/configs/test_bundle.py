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


import json
import os
import re
import runpy
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch

from scripts.networks.separator import CHANNELS, Separator
from scripts.phantoms.joint import draw_joint

ROOT = Path(__file__).parents[2]
CONFIGS = sorted((ROOT / "configs").glob("*.json"))
STAGES = [path for path in CONFIGS if "network_def" in json.loads(path.read_text()) and path.name != "reference.json"]
CHECKS = ROOT / "tests" / "support" / "bundle_checks.py"
NAMES = [
    "verify_metadata",
    *(f"verify_net_in_out {stage} {side}" for stage in ("inference", "train", "train_segmenter") for side in (64, 192)),
    *(f"check_properties {stage}" for stage in ("inference", "train", "train_segmenter")),
]


def config(path: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(path.read_text())
    return read


def strings_in(content: Any) -> list[str]:
    """All strings of a config, keys left out."""
    if isinstance(content, str):
        return [content]
    parts = content.values() if isinstance(content, dict) else content if isinstance(content, list) else []
    return [text for part in parts for text in strings_in(part)]


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle's weights; as long as there are none, some that nobody trained."""
    trained = ROOT / "models" / "model.pt"
    if trained.is_file():
        return trained
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("models") / "model.pt"
    torch.save(Separator().state_dict(), path)
    return path


@pytest.fixture(scope="module")
def separator(weights: Path) -> Separator:
    network = Separator()
    network.load_state_dict(torch.load(weights, weights_only=True))
    return network.eval()


@pytest.fixture(scope="module", params=["inside", "outside"])
def checked(
    request: pytest.FixtureRequest, release: Path, weights: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[str, Any], Path]:
    """Answers of all checks, run from the bundle's folder or from another one, and where they wrote.

    Networks are exported from the bundle's folder only: it takes a minute and rests on no path.
    """
    output = tmp_path_factory.mktemp(request.param)
    inside = request.param == "inside"
    code = f"import runpy; runpy.run_path({str(CHECKS)!r}, run_name='__main__')"
    arguments = ["." if inside else str(ROOT), str(release), str(weights), str(output)]
    arguments += [] if inside else ["ckpt_export", "onnx_export"]
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=ROOT if inside else output,
        env=environment if inside else {**environment, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads((output / "answers.json").read_text()), output


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_the_bundle_is_what_monai_asks_for(checked: tuple[dict[str, Any], Path], name: str) -> None:
    answers, _ = checked
    expected: list[str] | None = [] if name.startswith("check_properties") else None
    assert answers[name] == expected, answers[name]


def test_every_check_is_looked_at(tmp_path: Path) -> None:
    named = runpy.run_path(str(CHECKS))["checks"](ROOT, tmp_path, tmp_path / "model.pt", tmp_path)
    assert set(named) == {*NAMES, "ckpt_export", "onnx_export", "load"}


@pytest.mark.slow
@pytest.mark.parametrize("checked", ["inside"], indirect=True)
def test_the_exported_torchscript_answers_as_the_separator_does(
    checked: tuple[dict[str, Any], Path], separator: Separator
) -> None:
    answers, output = checked
    assert answers["ckpt_export"] is None, answers["ckpt_export"]
    exported = torch.jit.load(output / "model.ts").eval()
    torch.manual_seed(0)
    image, masks = torch.rand(2, 1, 100, 150), torch.rand(2, 2, 100, 150) > 0.5
    with torch.no_grad():
        assert torch.allclose(exported(image), separator(image), atol=1e-5)
        assert torch.allclose(exported(image, masks), separator(image, masks), atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("checked", ["inside"], indirect=True)
def test_the_exported_onnx_answers_as_the_separator_does(
    checked: tuple[dict[str, Any], Path], separator: Separator
) -> None:
    answers, output = checked
    assert answers["onnx_export"] is None, answers["onnx_export"]
    session = onnxruntime.InferenceSession(str(output / "model.onnx"), providers=["CPUExecutionProvider"])
    # In noise a pixel may be so near to both sides of an outline that rounding decides on which it is.
    image = draw_joint(0, size=(128, 192)).image[None]
    (answer,) = session.run(None, {"image": image.numpy()})
    with torch.no_grad():
        assert np.abs(answer - separator(image).numpy()).max() < 1e-4


@pytest.mark.slow
def test_the_bundle_loads_by_its_name_and_separates(checked: tuple[dict[str, Any], Path], separator: Separator) -> None:
    answers, _ = checked
    assert Path(answers["load"]).is_file(), answers["load"]
    predicted, given = torch.load(answers["load"], weights_only=True)
    image = torch.linspace(0, 1, 96 * 80).reshape(1, 1, 96, 80)
    with torch.no_grad():
        assert torch.allclose(predicted, separator(image), atol=1e-5)
        assert torch.allclose(given, separator(image, torch.ones(1, 2, 96, 80)), atol=1e-5)


def test_the_metadata_at_the_root_is_that_of_the_configs() -> None:
    assert (ROOT / "metadata.json").read_bytes() == (ROOT / "configs" / "metadata.json").read_bytes()


def test_the_metadata_says_the_versions_that_are_installed_and_tested() -> None:
    metadata = config(ROOT / "configs" / "metadata.json")
    pinned = dict(line.split("==") for line in (ROOT / "requirements.txt").read_text().splitlines() if "==" in line)
    assert metadata["monai_version"] == pinned["monai"]
    assert metadata["pytorch_version"] == pinned["torch"]
    assert metadata["numpy_version"] == pinned["numpy"]
    for package, version in metadata["required_packages_version"].items():
        assert pinned[package] == version
    assert metadata["version"] in metadata["changelog"]
    assert metadata["version"] == tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert f"\nversion: {metadata['version']}\n" in (ROOT / "CITATION.cff").read_text()


def test_the_metadata_names_the_channels_as_the_separator_orders_them() -> None:
    metadata = config(ROOT / "configs" / "metadata.json")
    outputs = metadata["network_data_format"]["outputs"]
    assert list(outputs) == ["pred"]
    assert outputs["pred"]["num_channels"] == len(CHANNELS)
    named = metadata["pred_classes"].removeprefix("channels in order: ")
    assert [re.sub(r" \(.*", "", channel) for channel in re.split(r", (?![^(]*\))", named)] == list(CHANNELS)
    # MONAI Label's bundle app would take names of channels for those of the label map's values.
    assert "channel_def" not in outputs["pred"]


def test_every_config_has_the_same_network() -> None:
    assert len(STAGES) >= 2
    networks = [config(path)["network_def"] for path in STAGES]
    assert all(network == networks[0] for network in networks)


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_configs_are_json_indented_by_four_spaces(path: Path) -> None:
    text = path.read_text()
    assert text == json.dumps(json.loads(text), indent=4, ensure_ascii=False) + "\n"


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_configs_name_only_what_the_scripts_have(path: Path) -> None:
    for text in strings_in(config(path)):
        if re.fullmatch(r"scripts(\.\w+)+", text):
            module, name = text.rsplit(".", 1)
            assert hasattr(__import__(module, fromlist=[name]), name), text


def test_no_file_names_a_place_of_somebodys_machine() -> None:
    private = re.compile(r"(?<![\w.@:$/}])/(home|root|work|tmp|Users|mnt)/|[A-Z]:\\\\")
    files = [*ROOT.glob("configs/*"), *ROOT.glob("docs/*.*"), *ROOT.glob("*.*"), *ROOT.rglob("scripts/**/*.py")]
    texts = [path for path in files if path.suffix in (".json", ".md", ".py", ".toml", ".txt", ".conf", ".cff")]
    assert len(texts) > 20
    for path in texts:
        assert not private.search(path.read_text()), path


@pytest.mark.parametrize("path", sorted((ROOT / "scripts").rglob("*.py")), ids=lambda path: str(path.relative_to(ROOT)))
def test_each_script_begins_with_the_licence(path: Path) -> None:
    licence = (ROOT / "scripts" / "physics.py").read_text().split('"""')[0]
    assert "Apache License, Version 2.0" in licence
    assert path.read_text().startswith(licence)


def test_the_weights_of_the_whole_bundle_stay_under_25_mb() -> None:
    stored = sum(value.nbytes for value in Separator().state_dict().values())
    assert stored < 25e6
    trained = ROOT / "models" / "model.pt"
    assert not trained.is_file() or trained.stat().st_size < 25e6

import filecmp
import json
import os
import subprocess
import sys
from pathlib import Path

import monai.bundle
import numpy as np
import pytest
import torch
from PIL import Image

from scripts.networks.separator import Separator
from scripts.physics import LOWER, RIM, UPPER, grow
from tests.support.drawn import joint

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "configs" / "inference.json"


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Weights that nobody trained: shapes and files are tested here, not likenesses."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("models") / "model.pt"
    torch.save(Separator().state_dict(), path)
    return path


@pytest.fixture(scope="module")
def joints(tmp_path_factory):
    """Two good joints: one of 8 bits without masks, one of 12 bits with them."""
    folder = tmp_path_factory.mktemp("joints")
    levels, _ = joint(96, 80)
    Image.fromarray(levels.astype(np.uint8)).save(folder / "plain.png")
    levels, masks = joint(70, 130, bits=12, seed=1)
    Image.fromarray(levels.astype(np.uint16)).save(folder / "masked.tif")
    Image.fromarray(masks[LOWER]).save(folder / "masked_mask_lower.png")
    Image.fromarray(masks[UPPER]).save(folder / "masked_mask_upper.png")
    return folder


def run(**override):
    settings = {name: str(value) for name, value in override.items()}
    # Without the bundle's logging.conf, which would take the handlers of the tests.
    monai.bundle.run(config_file=str(CONFIG), bundle_root=str(ROOT), logging_file=False, device="cpu", **settings)


def command(*arguments, cwd=ROOT, **environment):
    line = [sys.executable, "-m", "monai.bundle", *map(str, arguments)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", **environment}
    return subprocess.run(line, cwd=cwd, env=environment, capture_output=True, text=True, timeout=300, check=False)


def files_in(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_two_runs_write_the_same_bytes(tmp_path, joints, weights):
    run(dataset_dir=joints, output_dir=tmp_path / "one", weights=weights)
    run(dataset_dir=joints, output_dir=tmp_path / "two", weights=weights)
    first = files_in(tmp_path / "one")
    assert len(first) == 20
    assert first == files_in(tmp_path / "two")


def test_masks_beside_an_image_are_used_and_predicted_where_there_are_none(tmp_path, joints, weights):
    run(dataset_dir=joints, output_dir=tmp_path, weights=weights)
    figures = {name: json.loads((tmp_path / name / f"{name}_figures.json").read_text()) for name in ("plain", "masked")}
    assert figures["plain"]["masks"] == "predicted"
    assert figures["masked"]["masks"] == "given"
    levels, masks = joint(70, 130, bits=12, seed=1)
    assert figures["masked"]["overlap_px"] == masks.all(axis=0).sum()
    assert (np.asarray(Image.open(tmp_path / "masked" / "masked_label.png")) == masks[0] + 2 * masks[1]).all()
    upper = np.asarray(Image.open(tmp_path / "masked" / "masked_upper.png"))
    alone = masks[UPPER] & ~grow(torch.from_numpy(masks)[None], RIM)[0, LOWER].numpy()
    assert (upper[alone] == levels[alone]).all()
    for figure in figures.values():
        assert figure["outside_zone_exact"]
        assert figure["largest_recomposition_error_levels"] <= 1
        assert figure["version"] == json.loads((ROOT / "metadata.json").read_text())["version"]


def test_the_good_joints_of_a_mixed_folder_are_separated_and_the_exit_status_tells(tmp_path, joints, weights):
    folder = tmp_path / "mixed"
    folder.mkdir()
    for path in joints.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    (folder / "empty.png").touch()
    (folder / "words.tif").write_text("not an image")
    Image.new("L", (80, 96), 0).save(folder / "black.png")
    done = command(
        "run",
        "--config_file=configs/inference.json",
        f"--dataset_dir={folder}",
        f"--output_dir={tmp_path / 'out'}",
        f"--weights={weights}",
    )
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    lines = [line.split(maxsplit=2)[-1] for line in done.stdout.splitlines() if line.strip()]
    assert lines[-6:] == [
        "2 separated, 3 refused",
        "refused black.png: every pixel is 0, a constant image",
        "refused empty.png: an empty file, 0 bytes",
        "refused words.tif: not a readable image (cannot identify image file 'words.tif')",
        f"sheet {tmp_path / 'out' / 'masked' / 'masked_sheet.png'}",
        f"sheet {tmp_path / 'out' / 'plain' / 'plain_sheet.png'}",
    ]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["masked", "plain"]


def test_a_folder_of_nothing_but_bad_images_ends_with_status_1(tmp_path, weights):
    (tmp_path / "empty.png").touch()
    with pytest.raises(SystemExit) as ended:
        run(dataset_dir=tmp_path, output_dir=tmp_path / "out", weights=weights)
    assert ended.value.code == 1
    assert list((tmp_path / "out").iterdir()) == []


def broken_weights(path, kind):
    if kind == "another network":
        torch.save({"conv.weight": torch.zeros(1)}, path)
    elif kind == "another shape":
        state = Separator().state_dict()
        first = next(iter(state))
        torch.save({**state, first: torch.zeros(1, 2, 3)}, path)
    elif kind == "words":
        path.write_text("not a checkpoint")
    elif kind == "empty":
        path.touch()
    elif kind == "truncated":
        torch.save(Separator().state_dict(), path)
        path.write_bytes(path.read_bytes()[:1000])
    elif kind == "nested":
        torch.save({"network": Separator().state_dict(), "epoch": 3}, path)


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("missing", "no weights there"),
        ("another network", r"weights of another network: \S+ is missing"),
        ("another shape", r"weights of another network: \S+ is \(1, 2, 3\), "),
        ("words", "not a checkpoint"),
        ("empty", "not a checkpoint"),
        ("truncated", "not a checkpoint"),
        ("nested", "not a state_dict"),
    ],
)
def test_wrong_weights_are_refused_with_their_path(tmp_path, joints, kind, why):
    path = tmp_path / "model.pt"
    broken_weights(path, kind)
    with pytest.raises(SystemExit, match=rf"model\.pt: {why}"):
        run(dataset_dir=joints, output_dir=tmp_path / "out", weights=path)
    assert list((tmp_path / "out").iterdir()) == []


def test_a_missing_or_empty_dataset_folder_is_refused_with_its_path(tmp_path, weights):
    with pytest.raises(SystemExit, match="nowhere: no such folder"):
        run(dataset_dir=tmp_path / "nowhere", output_dir=tmp_path / "out", weights=weights)
    with pytest.raises(SystemExit, match="holds no DICOM, PNG"):
        run(dataset_dir=tmp_path, output_dir=tmp_path / "out", weights=weights)
    assert not (tmp_path / "out").exists()


def test_an_unwritable_output_folder_is_refused_before_the_weights_are_read(tmp_path, joints):
    (tmp_path / "file").touch()
    with pytest.raises(SystemExit, match=r"output_dir .*file: cannot be written to"):
        run(dataset_dir=joints, output_dir=tmp_path / "file", weights=tmp_path / "none.pt")


def test_a_refusal_on_the_command_line_is_one_sentence_and_status_1(tmp_path, joints):
    done = command(
        "run",
        "--config_file=configs/inference.json",
        f"--dataset_dir={joints}",
        f"--output_dir={tmp_path}",
        "--weights=nowhere.pt",
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("nowhere.pt: no weights there")
    assert "Traceback" not in done.stderr


@pytest.fixture
def bundle(tmp_path, weights):
    """A bundle named bls_gan that has weights."""
    root = tmp_path / "bls_gan"
    root.mkdir()
    for name in ("configs", "scripts"):
        (root / name).symlink_to(ROOT / name)
    (root / "models").mkdir()
    (root / "models" / "model.pt").symlink_to(weights)
    return root


def test_the_bundle_loads_as_a_network_with_its_weights_and_makes_no_folder(bundle, weights, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    # Loading applies the bundle's logging.conf, which would take the handlers of the tests.
    monkeypatch.setattr("monai.bundle.workflows._apply_logging_file", lambda file: None)
    network = monai.bundle.load("bls_gan", bundle_dir=tmp_path, workflow_type="inference", device="cpu")
    expected = torch.load(weights, weights_only=True)
    assert all(torch.equal(value, expected[name]) for name, value in network.state_dict().items())
    assert network.eval()(torch.rand(1, 1, 64, 70)).shape == (1, 6, 64, 70)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bls_gan"]
    assert sorted(path.name for path in bundle.iterdir()) == ["configs", "models", "scripts"]


@pytest.mark.slow
def test_the_main_job_runs_from_outside_the_bundle(bundle, joints, tmp_path):
    done = command(
        "run",
        f"--config_file={bundle / 'configs' / 'inference.json'}",
        f"--bundle_root={bundle}",
        f"--dataset_dir={joints}",
        "--output_dir=results",
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].endswith(os.path.join("results", "plain", "plain_sheet.png"))
    assert (tmp_path / "results" / "plain" / "plain_sheet.png").is_file()


@pytest.mark.parametrize("n", [1, 3])
def test_the_network_answers_in_the_shape_that_the_metadata_give(n):
    monai.bundle.verify_net_in_out(
        "network_def",
        meta_file=str(ROOT / "configs" / "metadata.json"),
        config_file=str(CONFIG),
        device="cpu",
        n=n,
    )


def test_every_property_of_the_specification_is_there(joints, tmp_path, weights):
    workflow = monai.bundle.ConfigWorkflow(
        config_file=str(CONFIG),
        logging_file=False,
        workflow_type="inference",
        bundle_root=str(ROOT),
        dataset_dir=str(joints),
        output_dir=str(tmp_path),
        weights=str(weights),
    )
    workflow.initialize()
    assert workflow.check_properties() == []
    assert [entry.path.name for entry in workflow.dataset_data] == ["masked.tif", "plain.png"]


def test_the_metadata_at_the_root_are_those_of_the_configs():
    assert filecmp.cmp(ROOT / "metadata.json", ROOT / "configs" / "metadata.json", shallow=False)
    metadata = json.loads((ROOT / "metadata.json").read_text())
    assert metadata["version"] in metadata["changelog"]


@pytest.mark.parametrize("path", sorted((ROOT / "configs").glob("*.json")), ids=lambda path: path.name)
def test_a_config_is_indented_by_4_spaces_and_names_the_one_network_or_the_papers(path):
    text = path.read_text()
    config = json.loads(text)
    assert text == json.dumps(config, indent=4, ensure_ascii=False) + "\n"
    ours = json.loads(CONFIG.read_text())["network_def"]
    assert config.get("network_def") in (None, ours) or path.name == "reference.json"

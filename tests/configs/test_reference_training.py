import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from monai.bundle import ConfigParser
from PIL import Image

from scripts.networks.checkpoints import load, read
from scripts.networks.separator import Separator
from scripts.phantoms.joint import draw_joint, save
from scripts.physics import LOWER, UPPER
from scripts.reference.networks import UNetSupervisor
from scripts.reference.separator import ReferenceSeparator

ROOT = Path(__file__).parents[2]
TRAINING = ("train", "reference", "reference_pretrain")


def parsed(*names, **override):
    parser = ConfigParser()
    parser.read_config([str(ROOT / "configs" / f"{name}.json") for name in names])
    # On the meta device networks have shapes, but neither values nor memory.
    parser.update({"bundle_root": str(ROOT), "device": torch.device("meta"), **override})
    return parser


@pytest.fixture
def weightless():
    """Networks are built without values."""
    with torch.device("meta"):
        yield


def run(*names, **override):
    """Run the bundle from the command line at a grid of 128 px; return its output."""
    files = [str(ROOT / "configs" / f"{name}.json") for name in names]
    line = [sys.executable, "-m", "monai.bundle", "run", "--config_file", str(files)]
    settings = {"bundle_root": ROOT, "device": "cpu", "network_def#grid": 128, **override}
    line += [f"--{name}={value}" for name, value in settings.items()]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(line, env=environment, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_stacked_on_inference_and_evaluation_it_replaces_network_weights_and_where_results_go():
    for names in (("inference", "reference"), ("inference", "evaluate", "reference")):
        parser, before = parsed(*names), parsed(*names[:-1])
        changed = {
            key for key in parser.get() if key not in ("_meta_", "_desc_") and parser.get(key) != before.get(key)
        }
        network = {"weights", "network_def", "attention_scale", "bones_only"}
        assert changed == network | {"output_dir", "as_answered", "layers"}
        assert parser["network_def#_target_"].endswith("ReferenceSeparator")
        assert parser.get_parsed_content("weights") == f"{ROOT}/models/reference.pt"


@pytest.mark.usefixtures("weightless")
def test_the_papers_faults_are_switches_of_the_configs():
    on = parsed(*TRAINING)
    assert on["attention_scale"] == "multiplied"
    assert on["double_sigmoid"]
    assert on["leaking_gradient"]
    off = parsed(*TRAINING, attention_scale="divided", double_sigmoid=False, leaking_gradient=False)
    scales = [
        parser.get_parsed_content("network_def")
        .generator.backbone_network.encoder.vit.transformer.layer_blocks[0]
        .multi_head_attention.scale
        for parser in (on, off)
    ]
    assert scales == [16.0, 1 / 16]
    assert [parser.get_parsed_content("adversarial_loss").dice.sigmoid for parser in (on, off)] == [True, False]
    steps = [parser.get_parsed_content("train#trainer#iteration_update") for parser in (on, off)]
    assert [step.leaking_gradient for step in steps] == [True, False]


@pytest.mark.parametrize("stage", [TRAINING, (*TRAINING, "reference_train")])
def test_the_weights_of_the_losses_are_the_papers(stage):
    parser = parsed(*stage)
    judged, made = (parser.get_parsed_content(name) for name in ("adversarial_loss", "loss"))
    found = (judged.supervisor, made.recomposition, made.layers)
    assert found == ((0.7, 0.3, 0.0) if "reference_train" in stage else (0.3, 0.3, 0.4))
    assert (judged.recomposition, judged.layers, made.supervisor) == (0, 0, 0)


@pytest.mark.usefixtures("weightless")
def test_the_optimisers_are_the_papers():
    parser = parsed(*TRAINING)
    generator, reconstructor = parser.get_parsed_content("optimizer").param_groups
    supervisor = parser.get_parsed_content("supervisor_optimizer").param_groups[0]
    assert (generator["lr"], reconstructor["lr"], supervisor["lr"]) == (1e-5, 1e-5, 1e-6)
    assert {group["betas"] for group in (generator, reconstructor, supervisor)} == {(0.5, 0.999)}
    parser = parsed(*TRAINING, "reference_train")
    optimizer = parser.get_parsed_content("optimizer")
    assert isinstance(optimizer, torch.optim.AdamW)
    (only,) = optimizer.param_groups
    assert only["lr"] == 1e-8
    assert len(only["params"]) == len(list(parser.get_parsed_content("generator").parameters()))


@pytest.fixture(scope="module")
def trained(release, tmp_path_factory):
    """Where one epoch of the paper's pre-training and one of its main training wrote."""
    folder = tmp_path_factory.mktemp("reference")
    torch.manual_seed(0)
    (folder / "models").mkdir()
    torch.save(Separator().state_dict(), folder / "models" / "model.pt")
    sizes = {"dataset_dir": release, "ckpt_dir": folder / "models", "max_epochs": 1, "batch_size": 2, "val_interval": 1}
    # One step, and no checkpoint to resume from: with the optimisers it has 1.5 GB.
    short = {"train#trainer#epoch_length": 1, "save_state#save_interval": 0}
    for names, stage in ((TRAINING, "pretrain"), ((*TRAINING, "reference_train"), "train")):
        said = run(*names, output_dir=folder / stage, **sizes, **short)
        assert "Got new best metric of val_score" in said
        os.replace(folder / "models" / "reference.pt", folder / f"{stage}.pt")
        os.link(folder / f"{stage}.pt", folder / "models" / "reference.pt")
        os.link(folder / "models" / "reference_supervisor.pt", folder / f"{stage}_supervisor.pt")
    return folder


@pytest.mark.slow
def test_pre_training_starts_from_our_segmenter_and_main_training_from_pre_training(trained):
    ours, pretrained, final = (read(trained / name) for name in ("models/model.pt", "pretrain.pt", "train.pt"))
    load(ReferenceSeparator(grid=128), trained / "train.pt")
    for name, value in final.items():
        if name.startswith("segmenter"):
            assert torch.equal(value, pretrained[name])
            assert torch.equal(value, ours[name])
        elif name.startswith("reconstructor"):
            assert torch.equal(value, pretrained[name])
        elif name.endswith("weight"):
            # A rate of 1e-8 moves next to nothing.
            torch.testing.assert_close(value, pretrained[name], rtol=0, atol=1e-6)


@pytest.mark.slow
def test_the_supervisor_is_frozen_in_main_training(trained):
    before, after = (read(trained / f"{stage}_supervisor.pt") for stage in ("pretrain", "train"))
    assert list(before) == list(UNetSupervisor().state_dict())
    assert all(torch.equal(value, after[name]) for name, value in before.items())
    assert before["backbone_network.inc.double_conv.1.num_batches_tracked"] > 0


@pytest.mark.slow
def test_the_main_job_writes_the_networks_own_layers(trained, tmp_path):
    save(draw_joint(0, size=128, overlap=12), tmp_path / "in" / "joint.png")
    run(
        "inference",
        "reference",
        dataset_dir=tmp_path / "in",
        output_dir=tmp_path / "out",
        weights=trained / "train.pt",
    )
    folder = tmp_path / "out" / "joint"
    figures = json.loads((folder / "joint_figures.json").read_text())
    assert not figures["outside_zone_exact"]
    assert figures["largest_recomposition_error_levels"] > 1
    image = np.array(Image.open(tmp_path / "in" / "joint.png")) / 255
    masks = [np.array(Image.open(tmp_path / "in" / f"joint_mask_{bone}.png")) > 0 for bone in ("lower", "upper")]
    network = load(ReferenceSeparator(grid=128), trained / "train.pt").eval()
    with torch.inference_mode():
        pred = network(torch.from_numpy(image).float()[None, None], masks=torch.from_numpy(np.stack(masks))[None])[0]
    for channel, bone in ((LOWER, "lower"), (UPPER, "upper")):
        written = np.array(Image.open(folder / f"joint_{bone}.png")).astype(float)
        assert abs(written - pred[channel].numpy() * masks[channel] * 255).max() < 0.51

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


"""What MONAI asks of a bundle, checked in a process of its own: ``BUNDLE RELEASE WEIGHTS OUTPUT [LEFT_OUT ...]``."""

import json
import sys
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import monai.bundle
import torch

STAGES = {"inference": ("inference",), "train": ("train",), "train_segmenter": ("train", "train_segmenter")}
"""Configs of each stage."""
SCHEMA = Path(__file__).parents[1] / "configs" / "meta_schema_20240725.json"


def files_of(configs: Path, stage: str) -> list[str]:
    """Return the config files of a stage."""
    return [str(configs / f"{name}.json") for name in STAGES[stage]]


def missing_properties(configs: Path, stage: str, **override: Any) -> list[str] | None:
    """Instantiate all that the specification names; what a stage lacks of it."""
    workflow = monai.bundle.ConfigWorkflow(
        config_file=files_of(configs, stage),
        workflow_type="inference" if stage == "inference" else "train",
        logging_file=False,
        **override,
    )
    workflow.initialize()
    return workflow.check_properties()


def loaded_answer(bundle: Path, weights: Path, output: Path) -> str:
    """Load the bundle by its name from a folder of bundles; the file of what its network answers."""
    root = output / "bundles" / "bls_gan"
    (root / "models").mkdir(parents=True)
    (root / "configs").symlink_to((bundle / "configs").resolve())
    (root / "models" / "model.pt").symlink_to(weights)
    network: Any = monai.bundle.load("bls_gan", bundle_dir=str(output / "bundles"), workflow_type="inference")
    network.eval()
    image = torch.linspace(0, 1, 96 * 80).reshape(1, 1, 96, 80)
    masks = torch.ones(1, 2, 96, 80, dtype=torch.bool)
    with torch.no_grad():
        torch.save([network(image), network(image, masks=masks)], output / "loaded.pt")
    return str(output / "loaded.pt")


def checks(bundle: Path, release: Path, weights: Path, output: Path) -> dict[str, Callable[[], object]]:
    """All checks by name."""
    configs = bundle / "configs"
    meta_file, inference = str(configs / "metadata.json"), str(configs / "inference.json")
    files: dict[str, Any] = {"ckpt_file": str(weights), "meta_file": meta_file, "config_file": inference}
    # An ONNX graph holds for one size of region.
    shape = [1, 1, 128, 192]
    named: dict[str, Callable[[], object]] = {
        "verify_metadata": partial(monai.bundle.verify_metadata, meta_file=meta_file, filepath=str(SCHEMA)),
        "ckpt_export": partial(monai.bundle.ckpt_export, "network_def", filepath=str(output / "model.ts"), **files),
        "onnx_export": partial(
            monai.bundle.onnx_export, "network_def", filepath=str(output / "model.onnx"), input_shape=shape, **files
        ),
        "load": partial(loaded_answer, bundle, weights, output),
    }
    for stage in STAGES:
        config_file = files_of(configs, stage)
        for n in (1, 3):
            named[f"verify_net_in_out {stage} {64 * n}"] = partial(
                monai.bundle.verify_net_in_out, "network_def", meta_file, config_file, device="cpu", n=n
            )
        override: dict[str, Any] = {"bundle_root": str(bundle), "output_dir": str(output), "device": "cpu"}
        if stage == "inference":
            override |= {"dataset_dir": str(bundle / "samples"), "weights": str(weights)}
        else:
            override |= {"dataset_dir": str(release), "ckpt_dir": str(output / "models"), "batch_size": 2}
        named[f"check_properties {stage}"] = partial(missing_properties, configs, stage, **override)
    return named


def main() -> None:
    """Run every check that is not left out, answers in JSON; a failed one does not keep the others from running."""
    bundle, release, weights, output = map(Path, sys.argv[1:5])
    answers: dict[str, object] = {}
    for name, check in checks(bundle, release, weights, output).items():
        if name in sys.argv[5:]:
            continue
        try:
            answer = check()
            answers[name] = answer if isinstance(answer, str | list) else None
        except Exception:
            answers[name] = traceback.format_exc()
    (output / "answers.json").write_text(json.dumps(answers, indent=4))


if __name__ == "__main__":
    main()

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

"""Speed of a pre-training step, in images per second, and its parts, beside the paper's configuration."""

import json
import logging
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import fire
import torch
from monai.bundle import ConfigParser
from monai.utils import set_determinism
from PIL import Image

from scripts.datasets.finger_joints import OVERLAPS, SPLITS
from scripts.phantoms.joint import draw_joint
from scripts.physics import LOWER, UPPER

ROOT = Path(__file__).parents[1]
OURS = ("train", "pretrain")
REFERENCE = ("train", "reference", "reference_pretrain")
PARTS = ("loading", "synthesis", "networks")

logger = logging.getLogger(__name__)


def draw_release(folder: Path, count: int) -> None:
    """Write ``count`` drawn joints of 256 px that do not overlap as the authors' release, all in every split."""
    cases, entries = folder / "Data" / "drawn", []
    cases.mkdir(parents=True)
    for number in range(count):
        joint = draw_joint(number, overlap=-8.0)
        inside = joint.masks.any(dim=0, keepdim=True)
        pictures = {
            "image": joint.image[0],
            "upper": joint.masks[UPPER].float(),
            "lower": joint.masks[LOWER].float(),
            "background": torch.where(inside, joint.soft_tissue, joint.image)[0],
        }
        case = cases / f"{number:05d}_R_5"
        case.mkdir()
        for name, gray in pictures.items():
            Image.fromarray((gray * 255).round().byte().numpy()).save(case / f"{name}.png")
        entries.append({name: f"drawn/{case.name}/{name}.png" for name in pictures})
    for split in SPLITS:
        for overlap in OVERLAPS:
            (folder / "Data" / f"LS_K1_{overlap}_{split}").write_text(json.dumps(entries))


class Stopwatch:
    """Seconds by name; it waits for the GPU, where there is one, before it reads the clock."""

    def __init__(self) -> None:
        self.seconds: dict[str, list[float]] = {name: [] for name in PARTS}

    @contextmanager
    def measuring(self, name: str) -> Iterator[None]:
        """Add the time of the block to ``name``."""
        started = self.now()
        yield
        self.seconds[name].append(self.now() - started)

    @staticmethod
    def now() -> float:
        """Return the time when the device has finished its work."""
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        return time.perf_counter()

    def around(self, call: Callable[..., Any], name: str) -> Callable[..., Any]:
        """Return ``call`` with its time measured."""

        def measured(*args: Any, **kwargs: Any) -> Any:
            with self.measuring(name):
                return call(*args, **kwargs)

        return measured


def compiled(trainer: Any) -> None:
    """Compile both networks of a trainer."""
    trainer.state.g_network.compile()
    trainer.state.d_network.compile()


def measure(names: tuple[str, ...], settings: dict[str, Any], steps: int, warm_up: int, compile_networks: bool) -> dict:
    """Take steps of a training as its configs describe it; return seconds of each part of each step, and peak memory.

    Args:
        names: of the configs.
        settings: over the configs' own.
        steps: that count.
        warm_up: steps before them. Before those, all pictures are read and kept, as a training does.
        compile_networks: by torch.compile.
    """
    parser = ConfigParser()
    parser.read_config([str(ROOT / "configs" / f"{name}.json") for name in names])
    parser.update({"bundle_root": str(ROOT), "train#handlers": [], **settings})
    set_determinism(seed=0)
    trainer = parser.get_parsed_content("train#trainer")
    step = parser.get_parsed_content("train#trainer#iteration_update")
    loader = parser.get_parsed_content("train#dataloader")
    if compile_networks:
        compiled(trainer)
    watch = Stopwatch()
    step.overlaps = watch.around(step.overlaps, "synthesis")
    whole: list[float] = []
    cpu: list[float] = []
    batches = iter(loader)
    for _ in range(warm_up + steps):
        cpu_before = time.process_time()
        with watch.measuring("loading"):
            batch = next(batches, None)
            if batch is None:
                batches = iter(loader)
                batch = next(batches)
        started = watch.now()
        step(trainer, batch)
        whole.append(watch.now() - started)
        cpu.append(time.process_time() - cpu_before)
    seconds = {name: rounds[warm_up:] for name, rounds in watch.seconds.items()}
    seconds["networks"] = [a - b for a, b in zip(whole[warm_up:], seconds["synthesis"], strict=True)]
    return {"seconds": seconds, "cpu": cpu[warm_up:], "memory": peak_memory()}


def peak_memory() -> float:
    """Return the largest memory of this process, GiB: of the GPU where there is one, else of the machine."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / 2**30
    # VmHWM, not ru_maxrss, which a child inherits from its parent.
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 2**20


def table(measured: dict[str, dict], batch_size: int) -> str:
    """Return one row a configuration: images per second, seconds a step (clock, CPU), share of each part, memory.

    On a busy machine the clock also counts other processes. The last line gives the first one's speed over the last's.
    """
    wide = max(map(len, measured))
    lines = [f"{'':{wide}}  images/s   s/step  cpu s/step  " + "  ".join(f"{part:>9}" for part in PARTS) + "  peak GiB"]
    speeds, cpus = [], []
    for name, one in measured.items():
        parts = {part: median(one["seconds"][part]) for part in PARTS}
        total = sum(parts.values())
        speeds.append(batch_size / total)
        cpus.append(median(one["cpu"]))
        shares = "  ".join(f"{parts[part] / total:9.1%}" for part in PARTS)
        lines.append(f"{name:{wide}}  {speeds[-1]:8.3f}{total:9.3f}{cpus[-1]:12.3f}  {shares}{one['memory']:10.2f}")
    lines.append(f"ours is {speeds[0] / speeds[-1]:.1f} times as fast, by CPU time {cpus[-1] / cpus[0]:.1f} times")
    return "\n".join(lines)


def child(arguments: dict[str, Any]) -> dict:
    """Run :func:`measure` in a process of its own, so that each has a peak memory of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.training_step", "one", json.dumps(arguments)],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": str(arguments["threads"])},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    measured: dict = json.loads(done.stdout.splitlines()[-1])
    return measured


def one(asked: dict[str, Any]) -> None:
    """Print the result of :func:`measure` for one configuration as JSON."""
    torch.set_num_threads(asked["threads"])
    chosen = f"$release_datalist(@dataset_dir, split='train', overlap=@overlap)[:{asked['joints']}]"
    settings = {
        "train#dataset#data": chosen,
        "device": torch.device(asked["device"]),
        "dataset_dir": asked["dataset_dir"],
        "batch_size": asked["batch_size"],
        "train#trainer#amp": asked["amp"],
    }
    if not asked["channels_last"]:
        settings |= {"network": "$@network_def.to(@device)", "d_network": "$@supervisor.to(@device)"}
    found = measure(tuple(asked["configs"]), settings, asked["steps"], asked["warm_up"], asked["compile"])
    print(json.dumps(found))


def main(
    batch_size: int = 2,
    steps: int = 3,
    warm_up: int = 1,
    threads: int = 1,
    device: str = "cuda" if torch.cuda.is_available() else "cpu",
    amp: bool | None = None,
    channels_last: bool = True,
    compile: bool = False,
    joints: int = 8,
) -> None:
    """Print the speed of both pre-trainings at the same batch, on the same device, one after the other.

    The reference is the paper's configuration: 256 px, float32, its synthesis and its three networks. With the release
    in ``BLS_GAN_DATA`` its first joints are read, drawn ones without it. bfloat16, channels_last and compilation are
    meant for a GPU, where this has not been run yet.

    Args:
        batch_size: of both.
        steps: of which the median is taken.
        warm_up: steps before them.
        threads: that PyTorch may use on a CPU.
        device: to train on.
        amp: bfloat16 for ours; by default as the training does it, on a GPU. Never for the reference.
        channels_last: memory format of both.
        compile: both networks by torch.compile; needs a compiler, and a larger ``warm_up``.
        joints: of the release, or to draw.
    """
    amp = torch.device(device).type == "cuda" if amp is None else amp
    with tempfile.TemporaryDirectory() as name:
        dataset_dir = os.environ.get("BLS_GAN_DATA")
        if not dataset_dir:
            draw_release(Path(name), joints)
            dataset_dir = name
        asked = {
            "dataset_dir": dataset_dir,
            "batch_size": batch_size,
            "steps": steps,
            "warm_up": warm_up,
            "threads": threads,
            "device": device,
            "channels_last": channels_last,
            "compile": compile,
            "joints": joints,
        }
        measured = {
            "ours": child({**asked, "configs": OURS, "amp": amp}),
            "the paper's": child({**asked, "configs": REFERENCE, "amp": False}),
        }
    print(
        f"Pre-training at batch {batch_size}, {steps} steps, {device}, {threads} threads, PyTorch {torch.__version__}"
    )
    print(
        f"bfloat16 for ours: {amp}; channels_last: {channels_last}; compiled: {compile}; drawn: {dataset_dir == name}"
    )
    print(f"Others on this machine: load {os.getloadavg()[0]:.1f}")
    print(table(measured, batch_size))


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    if sys.argv[1:2] == ["one"]:
        one(json.loads(sys.argv[2]))
    else:
        fire.Fire(main)

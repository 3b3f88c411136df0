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

"""Time of one joint on a CPU: the network alone, the whole job from file to files, and the paper's generator."""

import logging
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import fire
import torch
from monai.bundle import ConfigParser

from scripts.inference.joint_sheet import sheet
from scripts.inference.read_images import read_picture_region
from scripts.inference.split import split_region
from scripts.inference.write_pictures import write_picture
from scripts.networks import checkpoints
from scripts.networks.backend import BACKENDS, compiled
from scripts.networks.separator import Separator
from scripts.phantoms.joint import draw_joint, save
from scripts.reference.networks import TransUNetGenerator

ROOT = Path(__file__).parents[1]
CONFIG = ROOT / "configs" / "inference.json"
REFERENCE = "the paper's generator"

logger = logging.getLogger(__name__)


class Time(NamedTuple):
    """Seconds on the clock, and of CPU: on a busy machine the clock also tells what the others do."""

    wall: float
    cpu: float


def interleaved(jobs: Mapping[str, Callable[[], Any]], repeats: int, warm_up: int = 2) -> dict[str, list[Time]]:
    """Time every job ``repeats`` times, all of them in turn, so that a busy minute of the machine meets each.

    Args:
        jobs: what to call, by name.
        repeats: rounds that count.
        warm_up: rounds before them that do not.
    """
    times: dict[str, list[Time]] = {name: [] for name in jobs}
    for _ in range(warm_up + repeats):
        for name, job in jobs.items():
            wall, cpu = time.perf_counter(), time.process_time()
            job()
            times[name].append(Time(time.perf_counter() - wall, time.process_time() - cpu))
    return {name: rounds[warm_up:] for name, rounds in times.items()}


def table(times: Mapping[str, list[Time]], reference: str = REFERENCE) -> str:
    """Return a table, one row a job: median, least and most ms of the clock, median ms of CPU, and their shares.

    Args:
        times: of each job, by name.
        reference: the job that the others are held against.
    """
    walls = {name: [each.wall for each in rounds] for name, rounds in times.items()}
    cpus = {name: median(each.cpu for each in rounds) for name, rounds in times.items()}
    wide = max(map(len, times))
    lines = [f"{'':{wide}}  median ms     min     max  cpu ms   share  cpu share (of {reference})"]
    for name, wall in walls.items():
        share, cpu_share = median(wall) / median(walls[reference]), cpus[name] / cpus[reference]
        lines.append(
            f"{name:{wide}}  {1e3 * median(wall):9.1f}{1e3 * min(wall):8.1f}{1e3 * max(wall):8.1f}"
            f"{1e3 * cpus[name]:8.1f}{share:8.3f}{cpu_share:11.3f}"
        )
    return "\n".join(lines)


def network_jobs(weights: Path) -> dict[str, Callable[[], Any]]:
    """Return forward passes on one drawn joint of 256 px.

    Args:
        weights: of the separator; those of the paper's generator have no meaning: they do not change its speed.
    """
    joint = draw_joint(0)
    image, masks = joint.image[None], joint.masks[None]
    separator, generator = checkpoints.load(Separator(), weights).eval(), TransUNetGenerator().eval()
    jobs: dict[str, Callable[[], Any]] = {}
    for name in BACKENDS:
        network = compiled(separator, name, weights)
        jobs[f"{name}, masks predicted"] = partial(network, image)
        jobs[f"{name}, masks given"] = partial(network, image, masks)
    return {**jobs, REFERENCE: partial(generator, image, masks)}


def ratios(times: Mapping[str, list[Time]]) -> str:
    """Return how long each backend takes as a share of PyTorch, and how many times as long the paper's generator does.

    CPU time counts, as a machine may be busy.
    """
    cpu = {name: median(each.cpu for each in rounds) for name, rounds in times.items()}
    lines = []
    for masks in ("masks predicted", "masks given"):
        for name in BACKENDS:
            own = cpu[f"{name}, {masks}"]
            share, paper = own / cpu[f"torch, {masks}"], cpu[REFERENCE] / own
            lines.append(f"{name}, {masks}: {share:.2f} of torch, {REFERENCE} takes {paper:.1f} times as long")
    return "\n".join(lines)


def settings(folder: Path, weights: Path) -> dict[str, str]:
    """Return the settings of the main job on one drawn joint without masks, an 8-bit PNG in ``folder``."""
    save(draw_joint(0), folder / "in" / "joint.png", masks=False)
    return {
        "bundle_root": str(ROOT),
        "dataset_dir": str(folder / "in"),
        "output_dir": str(folder / "out"),
        "weights": str(weights),
        "device": "cpu",
    }


def pipeline_jobs(folder: Path, weights: Path) -> dict[str, Callable[[], Any]]:
    """Return the main job in a process that is up, whole and by its steps.

    Args:
        folder: for input and output.
        weights: of the separator.
    """
    parser = ConfigParser()
    parser.read_config(CONFIG)
    parser.read_meta(ROOT / "configs" / "metadata.json")
    parser.update(settings(folder, weights))
    batch, pipeline = (parser.get_parsed_content(name) for name in ("batch", "pipeline"))
    entry, network = batch.data[0], pipeline.network
    batch.separate(entry)
    compiled_network = pipeline.compiled
    region = read_picture_region(entry)
    pred = pipeline.inferer(region.image[None], compiled_network)[0]
    separated = split_region(region, pred)
    return {
        "file to files": partial(batch.separate, entry),
        "  weights from their file": partial(checkpoints.load, network, weights),
        "  read": partial(read_picture_region, entry),
        "  network, masks tidied": partial(pipeline.inferer, region.image[None], compiled_network),
        "  split and metrics": partial(split_region, region, pred),
        "  write, sheet included": partial(write_picture, separated, region, folder / "page", pipeline.software),
        "    sheet drawn": partial(sheet, separated, region.name, "0"),
    }


def cold(folder: Path, weights: Path, threads: int) -> list[Time]:
    """Time the main job as a command, once: start of Python, imports, weights and all.

    Args:
        folder: for input and output.
        weights: of the separator.
        threads: of the command.
    """
    overrides = [f"--{name}={value}" for name, value in settings(folder, weights).items()]
    before, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "monai.bundle", "run", f"--config_file={CONFIG}", *overrides],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": str(threads)},
        check=True,
        capture_output=True,
    )
    wall, after = time.perf_counter() - wall, resource.getrusage(resource.RUSAGE_CHILDREN)
    return [Time(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)]


@contextmanager
def busy(programs: int) -> Iterator[None]:
    """Let other programs compute beside this one, each on one core."""
    running = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(programs)]
    try:
        yield
    finally:
        for program in running:
            program.kill()
            program.wait()


def main(repeats: int = 20, threads: int = 1, weights: str | None = None, others: int = 0) -> None:
    """Print how long one joint of 256 px takes, beside a network of the paper's size in the same run.

    Args:
        repeats: rounds of which the median is taken.
        threads: that OpenVINO may use; PyTorch has one beside it.
        weights: a separator's; ``models/model.pt`` if not named, random ones if that is not there.
        others: programs that compute at the same time, each on one core.
    """
    torch.set_num_threads(threads)
    path = Path(weights) if weights else ROOT / "models" / "model.pt"
    with tempfile.TemporaryDirectory() as name, torch.inference_mode(), busy(others):
        folder = Path(name)
        if not weights and not path.is_file():
            logger.warning("no %s: random weights; the masks are noise, what is drawn and written of them is too", path)
            path = folder / "model.pt"
            torch.save(Separator().state_dict(), path)
        times = interleaved({**network_jobs(path), **pipeline_jobs(folder, path)}, repeats)
        times["file to files, as a command"] = cold(folder, path, threads)
    print(f"One joint, 256x256, {repeats} rounds, {threads} of {os.cpu_count()} CPUs, PyTorch {torch.__version__}")
    print(f"Others on this machine: load {os.getloadavg()[0]:.1f} (this command adds {threads + others})")
    print(table(times))
    print(ratios(times))


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    fire.Fire(main)

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

"""Time of radiographs of whole hands: one of them from file to files, and an archive on Dask beside a plain pool."""

import logging
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import NamedTuple

import fire
import torch
from monai.bundle import ConfigParser
from pydicom import dcmread
from pydicom.uid import generate_uid
from torch import Tensor

from scripts.dicom.derive import derive
from scripts.dicom.reader import read_radiograph
from scripts.inference.batch import Batch, Outcome
from scripts.inference.read_images import read_radiograph_joints
from scripts.inference.regions import cut_region
from scripts.inference.split import split_region
from scripts.phantoms.hand import draw_hand
from scripts.phantoms.hand_files import save

ROOT = Path(__file__).parents[1]
CONFIG = ROOT / "configs" / "inference.json"
LIST = "joints.csv"


def draw(folder: Path, spacing: float) -> Path:
    """Write one drawn hand of 250 x 200 mm, 16 bits, with the list of its five joints; its path."""
    hand = draw_hand(0, spacing=spacing)
    path = folder / "hand.dcm"
    save(hand, path, bits=16)
    rows = [f"{path.name},{name},{joint.centre[0]:.0f},{joint.centre[1]:.0f}" for name, joint in hand.joints.items()]
    (folder / LIST).write_text("\n".join(["image,joint,x,y", *rows]) + "\n")
    return path


class Run(NamedTuple):
    """One run of a command: seconds on the clock, and the line that sums it up."""

    seconds: float
    said: str


def run(*line: str, threads: int) -> Run:
    """Run a command of Python in the bundle's folder."""
    start, environment = time.perf_counter(), {**os.environ, "OMP_NUM_THREADS": str(threads)}
    done = subprocess.run(
        [sys.executable, *line], cwd=ROOT, env=environment, check=True, capture_output=True, text=True
    )
    seconds = time.perf_counter() - start
    return Run(seconds, next((line for line in done.stdout.splitlines() if " refused" in line), ""))


def command(dataset_dir: Path, output_dir: Path, *arguments: str, threads: int) -> Run:
    """Run the main job as a command."""
    folders = f"--dataset_dir={dataset_dir}", f"--output_dir={output_dir}"
    job = "-m", "monai.bundle", "run", f"--config_file={CONFIG}", f"--bundle_root={ROOT}"
    return run(*job, *folders, "--device=cpu", *arguments, threads=threads)


def pool(dataset_dir: str, output_dir: str, workers: int) -> None:
    """Separate an archive in processes that are forked from one that has built all: the yardstick of Dask.

    One that dies ends the run, and there is one machine: this is the least that many processes can cost.
    """
    global _batch
    _batch = built(Path(dataset_dir), Path(output_dir), resume=True).get_parsed_content("batch")
    with ProcessPoolExecutor(workers, get_context("fork"), torch.set_num_threads, (1,)) as processes:
        outcomes = list(processes.map(_separate, range(len(_batch.data))))
    print(f"{sum(bool(outcome.sheets) for outcome in outcomes)} separated, 0 refused")


_batch: Batch | None = None


def _separate(number: int) -> Outcome:
    assert _batch is not None
    return _batch.separate(_batch.data[number])


def built(dataset_dir: Path, output_dir: Path, *, resume: bool) -> ConfigParser:
    """Return the parser of the main job's config."""
    parser = ConfigParser()
    parser.read_config(CONFIG)
    parser.read_meta(ROOT / "configs" / "metadata.json")
    folders = {"bundle_root": str(ROOT), "dataset_dir": str(dataset_dir), "output_dir": str(output_dir)}
    parser.update({**folders, "device": "cpu", "resume": resume})
    return parser


def start_up(threads: int) -> float:
    """Return the seconds that Python takes to import what runs a bundle, before a line of this project is read."""
    start = time.perf_counter()
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    subprocess.run([sys.executable, "-c", "import monai.bundle"], check=True, capture_output=True, env=environment)
    return time.perf_counter() - start


def steps(path: Path, folder: Path, repeats: int) -> dict[str, float]:
    """Return the median seconds of the main job on one hand in a process that is up, whole and by its steps."""
    parser = built(path.parent, folder, resume=False)
    batch, pipeline = (parser.get_parsed_content(name) for name in ("batch", "pipeline"))
    entry = batch.data[0]
    batch.separate(entry)
    asked = read_radiograph_joints(entry)
    regions = [cut_region(asked.radiograph, entry.file, joint, asked.joints) for joint in asked.joints]

    def infer() -> list[Tensor]:
        return [
            pipeline.inferer(region.image[None], pipeline.compiled, **region.network_inputs())[0] for region in regions
        ]

    preds = infer()
    joints = pipeline.separate_radiograph(asked.radiograph, entry.file, regions).joints
    jobs: dict[str, Callable[[], object]] = {
        "file to files": lambda: batch.separate(entry),
        "  read": lambda: read_radiograph(path),
        "  network, five joints": infer,
        "  split and metrics": lambda: list(map(split_region, regions, preds)),
        "  DICOM objects derived": lambda: derive(asked.radiograph, joints, pipeline.software),
    }
    times: dict[str, list[float]] = {name: [] for name in jobs}
    with torch.inference_mode():
        for _ in range(repeats):
            for name, job in jobs.items():
                start = time.perf_counter()
                job()
                times[name].append(time.perf_counter() - start)
    return {name: median(each) for name, each in times.items()}


def multiply(path: Path, folder: Path, count: int) -> None:
    """Write an archive: the same hand ``count`` times, each an image of its own."""
    dataset = dcmread(path)
    rows = [line.partition(",")[2] for line in (path.parent / LIST).read_text().splitlines()[1:]]
    lines = ["image,joint,x,y"]
    folder.mkdir()
    for number in range(count):
        dataset.SOPInstanceUID = generate_uid(entropy_srcs=[str(number)])
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        dataset.save_as(folder / f"hand_{number:04}.dcm", enforce_file_format=True)
        lines += [f"hand_{number:04}.dcm,{row}" for row in rows]
    (folder / LIST).write_text("\n".join(lines) + "\n")


def archive(path: Path, folder: Path, images: int, workers: int) -> None:
    """Print how fast an archive is separated by a plain pool and by Dask, in turn, a quarter of it and all of it."""
    seconds: dict[str, list[float]] = {"plain pool": [], "Dask": []}
    parts = max(1, images // 4), images
    for part in parts:
        source = folder / f"archive{part}"
        multiply(path, source, part)
        call = f"pool({str(source)!r}, {str(folder / f'pool{part}')!r}, {workers})"
        runs = {
            "plain pool": run("-c", f"from benchmarks.radiographs import pool; {call}", threads=1),
            "Dask": command(source, folder / f"dask{part}", f"--workers={workers}", threads=1),
        }
        for name, each in runs.items():
            seconds[name].append(each.seconds)
            print(
                f"{name}, {part} hands, {workers} processes: {each.seconds:.1f} s, "
                f"{60 * part / each.seconds:.0f} a minute; {each.said[-60:]}"
            )
    for name, (quarter, whole) in seconds.items():
        print(f"{name}, start-up left out: {60 * (parts[1] - parts[0]) / (whole - quarter):.0f} a minute")
    print(f"largest process {resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024:.0f} MiB")


def main(images: int = 200, workers: int = 2, spacing: float = 0.1, threads: int = 2, repeats: int = 5) -> None:
    """Print how long a hand with five joints takes, by the command and by its steps, and an archive of them.

    Args:
        images: of the archive; 0 leaves it out.
        workers: processes side by side.
        spacing: mm a px; 0.1 makes 2500 x 2000 px.
        threads: that PyTorch may use for the one hand.
        repeats: rounds of which the median is taken.
    """
    torch.set_num_threads(threads)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "one").mkdir()
        path = draw(folder / "one", spacing)
        cold = command(path.parent, folder / "cold", threads=threads).seconds
        empty = start_up(threads)
        print(f"One hand, {path.stat().st_size / 2**20:.0f} MiB, 5 joints, {threads} threads, seconds (share)")
        print(f"{'as a command, cold':32}{cold:8.2f}{1:8.2f}")
        print(f"{'  import monai.bundle alone':32}{empty:8.2f}{empty / cold:8.2f}")
        for step, seconds in steps(path, folder / "warm", repeats).items():
            print(f"{step:32}{seconds:8.2f}{seconds / cold:8.2f}")
        if images:
            archive(path, folder, images, workers)


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    fire.Fire(main)

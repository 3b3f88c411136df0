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

"""Seconds for a pair of visits of one joint, on one thread: both separations, and the measurement.

    python -m benchmarks.joint_space
"""

import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import fire
import torch
from monai.bundle import ConfigParser

from benchmarks.radiographs import built
from scripts.inference.find_images import find_images
from scripts.inference.read_images import read_picture_region
from scripts.measurement.joint_image import joint_image
from scripts.measurement.joint_series import Visit
from scripts.measurement.measure import measure_joint
from scripts.networks.checkpoints import load
from scripts.phantoms.joint import draw_joint, save


def main(pairs: int = 8) -> None:
    """Print the median seconds of a pair, whole and by its steps.

    Args:
        pairs: drawn joints, each at two visits.
    """
    torch.set_num_threads(1)
    with TemporaryDirectory() as name:
        folder = Path(name)
        for seed in range(pairs):
            for visit, overlap in enumerate((6.0, 8.0)):
                save(draw_joint(seed, overlap=overlap), folder / f"{seed}_{visit}.png", masks=False)
        parser: ConfigParser = built(folder, folder / "out", resume=False)
        load(parser.get_parsed_content("network"), parser.get_parsed_content("weights"))
        pipeline = parser.get_parsed_content("pipeline")
        entries = find_images(folder)
        times: dict[str, list[float]] = {"two separations": [], "measurement": [], "pair": []}
        for first, second in zip(entries[::2], entries[1::2], strict=True):
            start = time.perf_counter()
            images = [joint_image(pipeline.separate_region(read_picture_region(each))) for each in (first, second)]
            between = time.perf_counter()
            visits = [(Visit(image=name, centre=(0.0, 0.0)), image) for name, image in zip("ab", images, strict=True)]
            measure_joint("", "", "", visits)
            end = time.perf_counter()
            for step, seconds in zip(times, (between - start, end - between, end - start), strict=True):
                times[step].append(seconds)
    for step, seconds in times.items():
        print(f"{step:20}{median(seconds[1:]):8.2f} s")


if __name__ == "__main__":
    fire.Fire(main)

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

"""Time of finding the joints of a whole radiograph, beside reading its file."""

import logging
import tempfile
from functools import partial
from pathlib import Path

import fire
import torch

from benchmarks.one_joint import interleaved, table
from scripts.dicom.reader import read_radiograph
from scripts.inference.joint_finder import JointFinder
from scripts.networks import checkpoints
from scripts.networks.backend import BACKENDS, compiled
from scripts.networks.separator import Separator
from scripts.phantoms.hand import draw_hand
from scripts.phantoms.hand_files import save

ROOT = Path(__file__).parents[1]
READING = "its file read"

logger = logging.getLogger(__name__)


def main(repeats: int = 20, threads: int = 1, weights: str | None = None) -> None:
    """Print how long it takes to find the joints of a radiograph of 2500 x 2000 px.

    Args:
        repeats: rounds of which the median is taken.
        threads: that PyTorch may use.
        weights: of the bundle; ``models/model.pt`` if not named.
    """
    torch.set_num_threads(threads)
    path = Path(weights) if weights else ROOT / "models" / "model.pt"
    network = checkpoints.load(Separator(), path).eval()
    finders = {f"joints found, {name}": JointFinder(compiled(network, name, path).finder) for name in BACKENDS[:2]}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "hand.dcm"
        save(draw_hand(0, spacing=0.1), file, transfer_syntax="JPEGLSLossless")
        radiograph = read_radiograph(file)
        jobs = {name: partial(finder.find, radiograph) for name, finder in finders.items()}
        print(f"{threads} thread(s), {len(finders[next(iter(finders))].find(radiograph))} joints")
        jobs |= {READING: partial(read_radiograph, file)}
        print(table(interleaved(jobs, repeats), READING))


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    fire.Fire(main)

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


"""What several tests need: a tiny release of drawn joints, laid out as the authors' release is."""

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from PIL import Image

from scripts.datasets.finger_joints import BROKEN_MASKS
from scripts.phantoms.joint import Phantom, draw_joint
from scripts.physics import LOWER, UPPER
from tests.support.programs import find_chromium, or_skip

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ROOT = Path(__file__).parents[1]

VISITS = {
    # Case: overlap of each visit (negative: a gap). The names of the first two are held out for validation.
    "train": {
        "00003_L_13": (-8.0, -6.0),
        "00004_R_8": (-10.0, 12.0),
        "00000_L_5": (-6.0,),
        "00000_R_5": (-12.0, -4.0),
        "00001_L_8": (-9.0,),
        "00001_R_11": (10.0,),
    },
    "test": {"00002_L_2": (-8.0, 14.0), "00002_R_8": (9.0,)},
}
SIZE = 128
BROKEN = sorted(BROKEN_MASKS)[0]


def write_joint(folder: Path, case: str, visit: str, phantom: Phantom) -> dict[str, str]:
    """Write a joint, its masks and its soft tissue as the release does; its entry in the lists."""
    cases = "Dataset_cases_anonymization"
    inside = phantom.masks.any(dim=0, keepdim=True)
    background = torch.where(inside, torch.tensor(phantom.soft_tissue), phantom.image)
    entry = {
        "image": (f"{cases}/{case}/{visit}.jpg", phantom.image[0]),
        "upper": (f"{cases}/{case}/{visit}_mask_upper.bmp", phantom.masks[UPPER].float()),
        "lower": (f"{cases}/{case}/{visit}_mask_lower.bmp", phantom.masks[LOWER].float()),
        "background": (f"{cases}/background/{case}_{visit}.jpg", background[0]),
    }
    for place, gray in entry.values():
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray((gray * 255).round().byte().numpy()).save(folder / place)
    return {key: place for key, (place, _) in entry.items()}


@pytest.fixture(scope="session")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds a release of 12 drawn joints of 128 px in ``Data``, as the authors' is laid out."""
    root = tmp_path_factory.mktemp("release")
    for split, visits in VISITS.items():
        # Named, but not there: reading an image whose masks are known to be broken fails.
        broken = {key: f"Dataset_cases_anonymization/{BROKEN}.jpg" for key in ("image", "upper", "lower", "background")}
        lists: dict[str, list[dict[str, str]]] = {"all": [broken], "overlap": [broken], "nonoverlap": []}
        for case, overlaps in visits.items():
            for visit, overlap in enumerate(overlaps):
                seed = 100 * len(case) + 10 * int(case[:5]) + visit
                phantom = draw_joint(seed, size=SIZE, overlap=overlap, hand="left" if "_L_" in case else "right")
                entry = write_joint(root / "Data", case, f"{visit:032x}", phantom)
                lists["all"].append(entry)
                lists["overlap" if phantom.masks.all(dim=0).sum() >= 20 else "nonoverlap"].append(entry)
        for name, entries in lists.items():
            (root / "Data" / f"LS_K1_{name}_{split}").write_text(json.dumps(entries, indent=1))
    return root


@pytest.fixture(scope="session")
def release_zip(release: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same release, zipped."""
    archive = tmp_path_factory.mktemp("zipped") / "tiny-release.zip"
    with zipfile.ZipFile(archive, "w") as zipped:
        for path in sorted(release.rglob("*")):
            zipped.write(path, path.relative_to(release))
    return archive


@pytest.fixture(scope="session")
def yardstick(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An npz of 3 drawn overlaps with known layers, of the form of the real yardsticks; the last does not overlap."""
    drawn = [draw_joint(seed, size=SIZE, overlap=overlap) for seed, overlap in ((1, 10.0), (2, 16.0), (3, -8.0))]
    path = tmp_path_factory.mktemp("yardstick") / "drawn-overlap-test.npz"
    np.savez_compressed(
        path,
        image_full=np.stack([joint.image[0].numpy() for joint in drawn]),
        masks=np.stack([joint.masks.numpy() for joint in drawn]),
        layers=np.stack([joint.layers.numpy() for joint in drawn]),
        k=np.array([joint.soft_tissue for joint in drawn], np.float32),
    )
    return path


@pytest.fixture(scope="session")
def chromium() -> Iterator["Browser"]:
    """Yield the browser, one for all tests: Playwright runs once in a process."""
    # Most tests need no browser.
    from playwright.sync_api import sync_playwright

    from tests.support.desk import FLAGS

    binary = or_skip(find_chromium)
    with sync_playwright() as playwright:
        playwright.selectors.set_test_id_attribute("data-cy")
        browser = playwright.chromium.launch(executable_path=binary, headless=True, args=list(FLAGS))
        yield browser
        browser.close()

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

"""Time of the server: one click, its steps and the screen, and many clients at once, with a PACS of its own.

``python -m benchmarks.serving`` prints both; figures are also given as ratios to the network alone, in the same run.
"""

import json
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import fire
import numpy as np
import psutil
import requests
import torch
from pydicom import Dataset, dcmread

from scripts.phantoms.hand import draw_hand
from scripts.phantoms.hand_files import save
from serving.bundle import ROOT, Bundle
from serving.local.monailabel import LabelServer
from serving.local.ohif_download import viewer
from serving.local.orthanc import Orthanc, free_port
from serving.pacs.client import Pacs


@dataclass(frozen=True)
class Load:
    """What came of many requests.

    Attributes:
        seconds: of each good request.
        failed: sentences of good requests that were not answered with 200.
        accepted: bad requests that were.
        resident: resident memory of the server after each request that ended, bytes, in the order of their ends.
        wall: seconds from the first to the last.
    """

    seconds: list[float]
    failed: list[str]
    accepted: int
    resident: list[int]
    wall: float


def ask(url: str, image: str, joints: Any, timeout: float = 120) -> requests.Response:
    """One request for joints of an image."""
    params = json.dumps({"joints": joints})
    return requests.post(
        f"{url}/infer/bls_gan", params={"image": image, "output": "json"}, data={"params": params}, timeout=timeout
    )


def load(
    server: LabelServer,
    images: Sequence[tuple[str, Sequence[tuple[float, float]]]],
    requests_: int = 200,
    clients: int = 8,
    seed: int = 0,
) -> Load:
    """Ask for joints from many clients at once, every fourth request a bad one.

    Args:
        server: what is asked.
        images: SOP Instance UID and joints, column and row, of each image.
        requests_: how many.
        clients: how many at once.
        seed: decides which image, which joint and where on it.
    """
    chance = np.random.default_rng(seed)
    process = psutil.Process(server.pid)
    bad = [("1.2.3", [{"x": 1, "y": 1}]), ("../x", []), (images[0][0], [{"x": -5, "y": 0}]), (images[0][0], "x")]
    jobs: list[tuple[bool, str, Any]] = []
    for number in range(requests_):
        image, joints = images[chance.integers(len(images))]
        column, row = joints[chance.integers(len(joints))]
        by = int(chance.integers(-2, 3))
        good = number % 4 != 3
        jobs.append((good, image, [{"x": column + by, "y": row}]) if good else (False, *bad[number // 4 % len(bad)]))
    resident: list[int] = []

    def run(job: tuple[bool, str, Any]) -> tuple[bool, float, int, str]:
        start = time.perf_counter()
        answer = ask(server.url, job[1], job[2])
        took = time.perf_counter() - start
        resident.append(process.memory_info().rss)
        return job[0], took, answer.status_code, answer.text

    start = time.perf_counter()
    with ThreadPoolExecutor(clients) as pool:
        done = list(pool.map(run, jobs))
    wall = time.perf_counter() - start
    return Load(
        seconds=[took for good, took, _, _ in done if good],
        failed=[f"{status}: {text[:200]}" for good, _, status, text in done if good and status != 200],
        accepted=sum(status == 200 for good, _, status, _ in done if not good),
        resident=resident,
        wall=wall,
    )


def stored_twice(pacs: Pacs, study: str) -> int:
    """How many joints of a study have a second upper or lower layer, or images a second segmentation."""
    series = {str(item["0020000E"]["Value"][0]) for item in pacs.client.search_for_instances(study)}
    held = Counter(
        (each, str(header.get("ImageComments") or header.get("SeriesDescription")))
        for each in series
        for header in pacs.metadata(study, each)
    )
    return sum(count > 1 for count in held.values())


def hands(folder: Path, count: int, spacing: float, bits: int) -> list[tuple[Dataset, list[tuple[float, float]]]]:
    """Drawn hands with the places of their joints, column and row."""
    made = []
    for number in range(count):
        hand = draw_hand(number, spacing=spacing)
        path = folder / f"{number}.dcm"
        save(hand, path, number=number, bits=bits)
        made.append((dcmread(path), [(joint.centre[0], joint.centre[1]) for joint in hand.joints.values()]))
    return made


def network_alone(repeats: int = 5) -> float:
    """Median seconds of one joint through the network, masks predicted, in a process of its own threads."""
    pipeline = Bundle(ROOT / "models" / "model.pt").get()
    image = torch.rand(1, 1, 230, 230)
    times = []
    with torch.inference_mode():
        for _ in range(repeats + 1):
            start = time.perf_counter()
            pipeline.inferer(image, pipeline.compiled)
            times.append(time.perf_counter() - start)
    return median(times[1:])


def main(requests_: int = 200, clients: int = 8, images: int = 4, spacing: float = 0.1, clicks: int = 5) -> None:
    """Print what a click takes, step by step, and what many clients at once get.

    Args:
        requests_: of the load, every fourth a bad one.
        clients: at once.
        images: drawn hands in the PACS.
        spacing: mm a px; 0.1 makes 2500 x 2000 px.
        clicks: whose median is told.
    """
    alone = network_alone()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        drawn = hands(folder, max(images, clicks + 1), spacing, bits=16)
        orthanc = Orthanc(folder / "pacs", free_port(0))
        ohif = viewer(ROOT / ".serve" / "ohif")
        server = LabelServer(
            orthanc.studies,
            folder / "state",
            port=free_port(0),
            orthanc=orthanc.url,
            credentials=orthanc.credentials,
            ohif=ohif,
        )
        try:
            pacs = orthanc.pacs()
            for dataset, _ in drawn:
                pacs.store([dataset])
            _clicks(server, drawn, clicks, alone)
            _screen(server, drawn, clicks, folder)
            asked = [(str(dataset.SOPInstanceUID), joints) for dataset, joints in drawn[:images]]
            _load(load(server, asked, requests_, clients), clients, alone)
            twice = sum(stored_twice(pacs, str(dataset.StudyInstanceUID)) for dataset, _ in drawn)
            print(f"  joints or segmentations that the PACS holds twice: {twice}")
        finally:
            server.stop()
            orthanc.stop()


def _clicks(
    server: LabelServer, drawn: Sequence[tuple[Dataset, list[tuple[float, float]]]], clicks: int, alone: float
) -> None:
    rows, columns = drawn[0][0].Rows, drawn[0][0].Columns
    print(f"One click, {rows} x {columns} px, 16 bits, server warm, median of {clicks}:")
    # The first image is for warming up.
    for words, index in (("first on an image", 0), ("second on it", 1)):
        laps: dict[str, list[float]] = {}
        for dataset, joints in drawn[: clicks + 1]:
            column, row = joints[index + 1]
            start = time.perf_counter()
            answer = ask(server.url, str(dataset.SOPInstanceUID), [{"x": column, "y": row}])
            whole = time.perf_counter() - start
            answer.raise_for_status()
            for step, seconds in {"answer": whole, **answer.json()["latencies"]}.items():
                laps.setdefault(step, []).append(seconds)
        medians = {step: median(seconds[1:]) for step, seconds in laps.items()}
        steps = ", ".join(f"{step} {seconds:.3f}" for step, seconds in medians.items() if step != "answer")
        print(f"  {words}: {medians['answer']:.3f} s, {medians['answer'] / alone:.1f} x the network alone ({steps})")
    print(f"  network alone, one joint: {alone:.3f} s")


def _screen(
    server: LabelServer, drawn: Sequence[tuple[Dataset, list[tuple[float, float]]]], clicks: int, folder: Path
) -> None:
    binary = shutil.which("chromium")
    if binary is None or not find_spec("playwright"):
        print("  on the screen: not measured, Chromium or playwright is missing")
        return
    from playwright.sync_api import sync_playwright

    from tests.support.desk import FLAGS, Desk

    taken: dict[str, list[float]] = {"answered": [], "shown": []}
    with sync_playwright() as playwright:
        playwright.selectors.set_test_id_attribute("data-cy")
        browser = playwright.chromium.launch(executable_path=binary, headless=True, args=list(FLAGS))
        for dataset, joints in drawn[: clicks + 1]:
            desk = Desk(browser.new_page(viewport={"width": 1920, "height": 1080}), server.url, folder)
            desk.open(str(dataset.StudyInstanceUID))
            column, row = joints[3]
            desk.separate({"x": column, "y": row})
            for mark, seconds in desk.seconds().items():
                taken[mark].append(seconds)
            desk.page.close()
        browser.close()
    answered, shown = (taken[mark][1:] for mark in ("answered", "shown"))
    print("  in the viewer, in a browser without a graphics card:")
    print(f"    answer {median(answered):.2f} s, layers on the screen {median(shown):.2f} s (at most {max(shown):.2f})")


def _load(found: Load, clients: int, alone: float) -> None:
    half, last = quantiles(found.seconds, n=20)[9], quantiles(found.seconds, n=20)[18]
    # The server warms up in the first requests.
    early = found.resident[30:50] or found.resident[:1]
    grown = (max(found.resident[-20:]) - max(early)) / 2**20
    print(f"{len(found.resident)} requests from {clients} clients at once, every fourth a bad one:")
    print(f"  good ones that failed: {len(found.failed)}; bad ones that were taken: {found.accepted}")
    print(f"  p50 {half:.2f} s, p95 {last:.2f} s ({half / alone:.1f}, {last / alone:.1f} x the network alone)")
    print(f"  {len(found.seconds) / found.wall:.1f} joints a second; memory {grown:+.0f} MiB since the first ones")


if __name__ == "__main__":
    fire.Fire(main)

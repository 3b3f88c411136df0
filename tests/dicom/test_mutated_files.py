"""Broken bytes end in a refusal or a result: BLS_GAN_MUTATIONS says how many are tried."""

import io
import logging
import os
import time
import warnings
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
import torch
from pydicom import dcmwrite

from scripts.inference.batch import ImageSeparation
from scripts.inference.find_images import RadiographEntry
from scripts.inference.inferer import SeparationInferer
from scripts.inference.pipeline import Pipeline
from tests.support.dicom_sources import TRANSFER_SYNTAXES, source
from tests.support.drawn import EqualShares, joint

MUTATIONS = int(os.environ.get("BLS_GAN_MUTATIONS", 2400))
PROCESSES, SLOWEST = 2, 20.0
"""Processes side by side, and seconds after which a case counts as hung."""

KINDS = ("DX", "DX for processing", "CR", "SC", "MG", "bare")
ENDS = ("refused", "separated", "not written")
SECRETS = ("SECRETNAME", "SECRETID")


@lru_cache
def sound(number):
    """Bytes of a sound file, of one kind and transfer syntax after the other."""
    kind, syntax = KINDS[number % len(KINDS)], TRANSFER_SYNTAXES[number // len(KINDS) % len(TRANSFER_SYNTAXES)]
    marked = {"PatientName": SECRETS[0], "PatientID": SECRETS[1]}
    made = source(
        kind, bits=8 + 4 * (number % 3), levels=joint(72, 80, 8 + 4 * (number % 3))[0], transfer_syntax=syntax, **marked
    )
    with io.BytesIO() as whole:
        dcmwrite(whole, made, enforce_file_format=True)
        return whole.getvalue()


def mutated(seed):
    """A sound file with a few things done to its bytes, in the header as often as in the pixels."""
    draw = np.random.default_rng(seed)
    content = bytearray(sound(seed % (len(KINDS) * len(TRANSFER_SYNTAXES))))
    for _ in range(int(draw.integers(1, 6))):
        end = len(content) if draw.random() < 0.5 else min(len(content), 2600)
        at, length = int(draw.integers(0, end)), int(draw.integers(1, 40))
        what = draw.integers(0, 8)
        if what == 0:
            content[at] ^= 1 << int(draw.integers(0, 8))
        elif what == 1:
            content[at : at + length] = draw.bytes(length)
        elif what == 2:
            del content[at : at + length]
        elif what == 3:
            content[at:at] = draw.bytes(length)
        elif what == 4:
            content[at : at + 4] = b"\xff\xff\xff\xff"
        elif what == 5:
            content[at : at + length] = bytes(length)
        elif what == 6:
            content[at:at] = content[at : at + 8 * length]
        elif draw.random() < 0.3:
            del content[at:]
        if not content:
            break
    return bytes(content)


class Proposes(EqualShares):
    """Bones as :func:`tests.support.drawn.joint` draws them."""

    def propose(self, image):
        return torch.from_numpy(joint(*image.shape[2:])[1]).float()[None]


def separate(path, output_dir):
    """The outcome of the main job on a file, with a network that answers at once; its words."""
    pipeline = Pipeline(Proposes(), SeparationInferer(), version="1")
    entry = RadiographEntry(path=path, name="case", file=path.name)
    outcome = ImageSeparation(pipeline, output_dir)(None, entry)
    left = sorted(item.name for item in Path(output_dir).iterdir())
    assert left == (["case"] if outcome.sheets else []), left
    said = outcome.refused or outcome.skipped
    if "\n" in said:
        return "more than a line", said
    if "cannot be carried over" in said or "cannot be written" in said:
        return "not written", said
    return ("refused", said) if said else ("separated", "")


def work(seeds, folder, at, begun, results):
    """Try the mutations one by one; say which one is tried, and since when."""
    torch.set_num_threads(1)
    said = io.StringIO()
    logging.basicConfig(stream=said, level=logging.INFO, force=True)
    warnings.simplefilter("always")
    warnings.showwarning = lambda message, *rest, **more: said.write(str(message))
    for seed in seeds:
        begun.value, at.value = time.time(), seed
        path, output = folder / f"{seed}.dcm", folder / f"out{seed}"
        path.write_bytes(mutated(seed))
        output.mkdir()
        try:
            outcome, words = separate(path, output)
            if any(secret in said.getvalue() + words for secret in SECRETS):
                outcome = f"told the patient: {words} {said.getvalue()[-300:]}"
        except BaseException as error:
            outcome, words = f"{type(error).__name__}: {error}", ""
        results.put((seed, outcome))
        path.unlink()
        for file in sorted(output.rglob("*"), reverse=True):
            file.rmdir() if file.is_dir() else file.unlink()
        output.rmdir()
    begun.value, at.value = 0.0, -1


def outcomes(seeds, folder):
    """What came of each mutation; a process that dies or hangs is replaced, and its case noted."""
    fork, found, waiting = get_context("fork"), {}, list(seeds)
    while waiting:
        at, begun, results = fork.Value("q", -1), fork.Value("d", 0.0), fork.Queue()
        process = fork.Process(target=work, args=(waiting, folder, at, begun, results))
        process.start()
        alive = True
        while alive:
            alive = process.is_alive()
            hung = begun.value and time.time() - begun.value > SLOWEST
            if hung:
                process.kill()
                process.join()
            while not results.empty():
                seed, outcome = results.get()
                found[seed] = outcome
            time.sleep(0.02)
        process.join()
        while not results.empty():
            seed, outcome = results.get()
            found[seed] = outcome
        if at.value >= 0:
            found[at.value] = "hung" if hung else f"died with {process.exitcode}"
        waiting = [seed for seed in waiting if seed not in found]
    return found


def part(arguments):
    seeds, folder = arguments
    folder.mkdir()
    return outcomes(seeds, folder)


@pytest.mark.slow
def test_broken_bytes_end_in_a_refusal_or_a_result(tmp_path):
    parts = [(range(first, MUTATIONS, PROCESSES), tmp_path / str(first)) for first in range(PROCESSES)]
    found = {}
    with ThreadPoolExecutor(PROCESSES) as pool:
        for some in pool.map(part, parts):
            found |= some
    counts = Counter(found.values())
    others = {seed: outcome for seed, outcome in found.items() if outcome not in ENDS}
    assert not others, others
    assert len(found) == MUTATIONS
    assert counts["refused"] > MUTATIONS // 10
    assert counts["separated"] > MUTATIONS // 10

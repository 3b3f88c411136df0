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

"""Evidence for the measurement of joint space: known pushes of real pairs, real visits, widths, a drawn phantom."""

import itertools
import json
import logging
import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, replace
from functools import cache, partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import fire
import numpy as np
import torch
from scipy.ndimage import shift
from tqdm import tqdm

from scripts.datasets.finger_joints import release_datalist
from scripts.errors import InputError
from scripts.evaluation.joint_space_methods import Methods, Seen, phase_only, register_seen
from scripts.evaluation.joint_space_page import write_page
from scripts.evaluation.joint_space_protocol import precision
from scripts.evaluation.joint_space_tables import means, ratios, summary, widths
from scripts.evaluation.pushed_joints import DEPTHS, OPEN, OpenJoint, open_joint
from scripts.files import file_sha256
from scripts.measurement.joint_image import GRID, JointImage, resample
from scripts.measurement.joint_space_width import joint_space_width
from scripts.measurement.narrowing import narrowing
from scripts.networks.checkpoints import load
from scripts.networks.separator import Separator
from scripts.phantoms.joint import draw_joint
from scripts.physics import FIELD_MM, attenuation
from scripts.reference.separator import ReferenceSeparator

logger = logging.getLogger(__name__)

ROOT = Path(__file__).parents[2]
WEIGHTS = ROOT / "models" / "model.pt"
REFERENCE = ROOT / "models" / "reference.pt"
"""Weights of the paper's network, where :mod:`scripts.reference.convert_checkpoints` or a training has put them."""
MM = 0.09
"""mm a px of the release, inferred from the bones' width."""

SPACINGS, CHANGES = (0.1, 0.125, 0.15, 0.175), (-4.0, -1.5, 0.0, 1.0)
"""Spacings, mm, and changes of the joint space, px of the measuring grid, of the drawn phantom."""

JOINTS = 12
"""Drawn joints of the phantom."""

NOISE = 0.014
"""Standard deviation of the drawn attenuation behind air."""

FILES = ("image", "lower", "upper", "background")
PHASE = "layers, phase-only"
OURS = "layers, predicted masks"


@cache
def methods() -> Methods:
    """Build the methods once in each process."""
    reference = load(ReferenceSeparator(), REFERENCE).eval() if REFERENCE.exists() else None
    return Methods(load(Separator(), WEIGHTS), reference)


def pushes_of(entries: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return errors, px, of a pair of visits whose second one's bones are pushed together, for each depth and method.

    The error is against the same pair unpushed, measured by the same method.
    """
    first, second = (open_joint(entry) for entry in entries[:2])
    rows = []
    for name, see in methods().see.items():
        fixed, moving = see(first.image, first.masks), see(second.image, second.masks)
        if not all(each.joint.masks.any(axis=(1, 2)).all() for each in (fixed, moving)):
            continue
        base = register_seen(fixed, moving)
        based = phase_only(fixed, moving)
        for depth, px in DEPTHS.items():
            by = second.gap + px
            pushed = see(*second.pushed(by))
            found = register_seen(fixed, pushed)
            # Bones are pushed down the picture's rows, and measured along the axis.
            true = base.px - by * math.cos(math.radians(found.angle + found.turn))
            common = {"case": entries[0]["case"], "depth": depth, "refused": bool(found.refused or base.refused)}
            rows.append({**common, "method": name, "error": found.px - true, "expected": found.standard_error})
            if name == OURS:
                error = phase_only(fixed, pushed) - based + by * math.cos(math.radians(fixed.joint.angle))
                rows.append({**common, "method": PHASE, "error": error, "expected": math.nan, "refused": False})
    return rows


def visits_of(entries: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return closures, px, of three visits each: JSN(i, j) + JSN(j, k) - JSN(i, k), for each method."""
    joints = [open_joint(entry) for entry in entries]
    rows = []
    for name, see in methods().see.items():
        seen = [see(joint.image, joint.masks) for joint in joints]
        if not all(each.joint.masks.any(axis=(1, 2)).all() for each in seen):
            continue
        pairs = {(i, j): register_seen(seen[i], seen[j]) for i, j in itertools.combinations(range(len(seen)), 2)}
        for i, j, k in itertools.combinations(range(len(seen)), 3):
            three = (pairs[i, j], pairs[j, k], pairs[i, k])
            rows.append(
                {
                    "case": entries[0]["case"],
                    "method": name,
                    "depth": "visits",
                    "error": three[0].px + three[1].px - three[2].px,
                    "expected": math.sqrt(sum(each.standard_error**2 for each in three)),
                    "refused": any(each.refused for each in three),
                    "refused_pairs": float(np.mean([bool(each.refused) for each in pairs.values()])),
                }
            )
    return rows


def widths_of(entries: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the widths, px, of each image with drawn and with predicted masks; NaN where one is refused."""
    rows = []
    for joint in map(open_joint, entries):
        own = {}
        for name, method in (("drawn", "layers, drawn masks"), ("predicted", OURS)):
            try:
                own[name] = joint_space_width(methods().see[method](joint.image, joint.masks).joint).mean
            except InputError:
                own[name] = math.nan
        rows.append({"case": entries[0]["case"], **own})
    return rows


def phantom_of(seed: int) -> list[dict[str, Any]]:
    """Return errors, mm, of known changes of a drawn joint at 0.1 to 0.175 mm a px; each image has its own noise."""
    rows = []
    for spacing, change in itertools.product(SPACINGS, CHANGES):
        seen = []
        for number, overlap in enumerate((0.0, -change)):
            size = round(FIELD_MM / spacing)
            drawn = draw_joint(seed, size=size, overlap=overlap + seed % 7, noise=0.0)
            absorbed = attenuation(drawn.image[0]).numpy()
            grain = np.random.default_rng([seed, number, round(1000 * spacing)]).normal(size=absorbed.shape)
            noisy = -np.expm1(-(absorbed + NOISE * np.exp(absorbed / 2) * grain))
            image = np.rint(255 * noisy.clip(0, 1)).astype(np.uint8)
            seen.append(methods().see[OURS](image, drawn.masks.numpy()).joint)
        factor = GRID / seen[0].masks.shape[1]
        first, second = (on_grid(joint, factor) for joint in seen)
        found, unit = narrowing(first, second), FIELD_MM / GRID
        true = change * unit
        error = found.px * unit - true
        common = {"case": seed, "depth": f"{spacing} mm", "method": OURS, "refused": bool(found.refused)}
        rows.append({**common, "error": error, "expected": found.standard_error * unit})
    return rows


def on_grid(joint: JointImage, factor: float) -> JointImage:
    """Return a joint on the measuring grid."""
    return replace(
        joint,
        layers=resample(joint.layers, factor, order=3),
        masks=resample(joint.masks.astype(np.float32), factor, order=1) > 0.5,
        usable=resample(joint.usable[None].astype(np.float32), factor, order=1)[0] > 0.5,
        factor=factor,
    )


def protocol_of(entries: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the field's precision, mm, of one joint's visits; nothing where a bone is not found."""
    joints, see = [open_joint(entry) for entry in entries], methods().see[OURS]

    def shifted(visit: int, down: int, across: int) -> Seen | None:
        image, *masks = (
            shift(plane, (down, across), order=0, mode="nearest")
            for plane in (joints[visit].image, *joints[visit].masks.astype(np.uint8))
        )
        seen = see(image, np.stack(masks) > 0)
        return seen if seen.joint.masks.any(axis=(1, 2)).all() else None

    found = precision(shifted, len(joints), mm=MM)
    return [] if found is None else [{"case": entries[0]["case"], **asdict(found)}]


def by_case(dataset_dir: str | Path, split: str, overlap: str) -> list[list[dict[str, Any]]]:
    """Return the release's images, those of a case together."""
    cases: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for entry in release_datalist(dataset_dir, split=split, overlap=overlap):
        cases[entry["case"]].append(entry)
    return list(cases.values())


@cache
def _entries(dataset_dir: str, split: str) -> dict[str, dict[str, Any]]:
    return {entry["name"]: entry for entry in release_datalist(dataset_dir, split=split)}


def _in_process(
    measure: Callable[[Sequence[dict[str, Any]]], list[dict[str, Any]]],
    dataset_dir: str,
    split: str,
    entries: Sequence[dict[str, Any]],
) -> list[dict[str, Any]]:
    return measure([_entries(dataset_dir, split)[entry["name"]] for entry in entries])


def processes(workers: int) -> ProcessPoolExecutor:
    """Return processes of one thread each: one forked from a process whose threads have run waits for them for ever."""
    return ProcessPoolExecutor(workers, get_context("fork"), torch.set_num_threads, (1,))


def is_open(joint: OpenJoint) -> bool:
    """Return whether the bones of a joint lie apart."""
    return joint.gap >= OPEN


def main(
    dataset_dir: str,
    output_dir: str = "eval",
    split: str = "test",
    cases: int = 1000,
    protocol: int = 1000,
    workers: int = 2,
) -> None:
    """Measure and print the evidence, and write it to ``joint_space_evidence.json`` and ``joint_space.html``.

    Args:
        dataset_dir: of the authors' release.
        output_dir: of the file.
        split: of the release.
        cases: of each part, at most.
        protocol: cases of the field's protocol, which takes a minute each, at most.
        workers: processes.
    """
    apart = [own for own in by_case(dataset_dir, split, "nonoverlap") if len(own) > 1]
    apart = [own for own in apart if all(is_open(open_joint(entry)) for entry in own[:2])][:cases]
    overlapping = [own for own in by_case(dataset_dir, split, "overlap") if len(own) > 2][:cases]
    parts = {
        "pushes": (pushes_of, apart),
        "visits": (visits_of, overlapping),
        "widths": (widths_of, by_case(dataset_dir, split, "overlap")[:cases]),
        "protocol": (protocol_of, overlapping[:protocol]),
    }
    found: dict[str, list[dict[str, Any]]] = {}
    with processes(workers) as pool:
        for name, (measure, entries) in parts.items():
            # A path inside a zip cannot be sent to another process: it opens the release itself.
            jobs = [[{**entry, **dict.fromkeys(FILES)} for entry in own] for own in entries]
            logger.info("%s: %d joints", name, len(jobs))
            work = partial(_in_process, measure, str(dataset_dir), split)
            done = tqdm(pool.map(work, jobs), total=len(jobs), desc=name, disable=None)
            found[name] = list(itertools.chain.from_iterable(done))
        logger.info("phantom: %d joints", JOINTS)
        phantom = tqdm(pool.map(phantom_of, range(JOINTS)), total=JOINTS, desc="phantom", disable=None)
        found["phantom"] = list(itertools.chain.from_iterable(phantom))
    tables = {
        **{name: summary(found[name]) for name in ("pushes", "visits", "phantom")},
        "over leaving the overlap out": ratios(found["pushes"], OURS),
        "widths": widths(found["widths"], mm=MM),
        "protocol": means(found["protocol"]),
    }
    report = {"split": split, "mm_a_px": MM, **tables, "rows": found}
    Path(output_dir).mkdir(parents=True, exist_ok=True)
    (Path(output_dir) / "joint_space_evidence.json").write_text(json.dumps(report, default=str))
    version = json.loads((ROOT / "configs" / "metadata.json").read_text())["version"]
    facts = {"split": split, "mm a px": MM, "cases, at most": cases, "weights": file_sha256(WEIGHTS)}
    page = Path(output_dir) / "joint_space.html"
    write_page(page, tables, {name: found[name] for name in ("pushes", "visits")}, version=version, facts=facts)
    for name, table in tables.items():
        logger.info("%s", name)
        for row in table:
            logger.info("  %s", "  ".join(f"{key} {value}" for key, value in row.items()))


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    fire.Fire(main)

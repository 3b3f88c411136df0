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

"""Precision of joint space narrowing without a truth, as the field measures it."""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from scripts.evaluation.joint_space_methods import Seen, register_seen

RUNS, REACH, LIMIT_MM = 10, 3, 0.3
"""Runs of each ordered pair, one plain; px by which both images of the others are shifted; SD up to which all count."""


@dataclass(frozen=True, kw_only=True)
class Precision:
    """Precision of a joint's visits, mm.

    Attributes:
        sigma: SD of the runs of a pair that are left, the mean over the pairs.
        sigma_closure: SD over the direct change and those by way of a third visit, the mean over the pairs.
        mismatch: share of runs that were dropped.
    """

    sigma: float
    sigma_closure: float
    mismatch: float


def precision(
    see: Callable[[int, int, int], Seen | None], visits: int, *, mm: float, seed: int = 0, runs: int = RUNS
) -> Precision | None:
    """Measure the precision of all ordered pairs of a joint's visits.

    Args:
        see: a visit, shifted by rows and columns, as a method sees it; None where it cannot.
        visits: of the joint, three and more.
        mm: of a px.
        seed: of the shifts.
        runs: of each pair.

    Returns:
        None where a visit cannot be seen.

    Source:
        Wang et al., layer separation for adjustable joint space, arXiv 2502.01972, 2025, evaluation.
    """
    draw = np.random.default_rng(seed)
    means: dict[tuple[int, int], float] = {}
    spreads, dropped = [], 0
    pairs = list(itertools.permutations(range(visits), 2))
    for pair in pairs:
        found = []
        for run in range(runs):
            seen = [see(visit, *(draw.integers(-REACH, REACH + 1, 2) if run else (0, 0))) for visit in pair]
            if seen[0] is None or seen[1] is None:
                return None
            found.append(register_seen(seen[0], seen[1]).px * mm)
        kept = _agreeing(found)
        dropped += runs - len(kept)
        means[pair] = float(np.mean(kept))
        spreads.append(float(np.std(kept)))
    closures = [
        float(np.std([means[i, j], *(means[i, k] + means[k, j] for k in range(visits) if k not in (i, j))]))
        for i, j in pairs
    ]
    return Precision(
        sigma=float(np.mean(spreads)),
        sigma_closure=float(np.mean(closures)),
        mismatch=dropped / (runs * len(pairs)),
    )


def _agreeing(values: Sequence[float]) -> list[float]:
    """Return values without those farthest from the mean, as long as their SD is too large."""
    kept = list(values)
    while len(kept) > 1 and np.std(kept) >= LIMIT_MM:
        middle = float(np.mean(kept))
        kept.remove(max(kept, key=lambda value: abs(value - middle)))
    return kept

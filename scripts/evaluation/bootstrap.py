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

"""Bootstrap intervals of 95 % over images; visits of one joint are drawn together."""

from collections.abc import Callable, Sequence

import numpy as np
from scipy.stats import bootstrap

CONFIDENCE, RESAMPLES = 0.95, 2000


def mean_interval(values: np.ndarray, cases: Sequence[str], *, seed: int = 0) -> tuple[float, float] | None:
    """Return the interval of the mean of all images, percentile bootstrap over the cases.

    Args:
        values: (N,), a metric of each image, NaN where there was nothing to measure.
        cases: (N,), the joint of each image; its images are drawn together.
        seed: of the resampling.

    Returns:
        Lower and upper end; None where fewer than two cases have a value.
    """
    measured = np.isfinite(values)
    _, case = np.unique(np.asarray(cases)[measured], return_inverse=True)
    if case.size == 0 or case.max() == 0:
        return None
    sums, counts = np.bincount(case, weights=values[measured]), np.bincount(case)
    found = bootstrap(
        (sums, counts),
        lambda sums, counts, axis=-1: sums.sum(axis=axis) / counts.sum(axis=axis),
        paired=True,
        n_resamples=RESAMPLES,
        confidence_level=CONFIDENCE,
        method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return float(found.low), float(found.high)


def interval(
    statistic: Callable[[np.ndarray], float], cases: Sequence[str], *, seed: int = 0, resamples: int = 500
) -> tuple[float, float]:
    """Return the interval of any statistic of images, percentile bootstrap over the cases.

    Args:
        statistic: takes indices of images, which may repeat.
        cases: (N,), the joint of each image.
        seed: of the resampling.
        resamples: how often the statistic is taken.
    """
    draw = np.random.default_rng(seed)
    names, case = np.unique(np.asarray(cases), return_inverse=True)
    members = [np.flatnonzero(case == number) for number in range(len(names))]
    taken = [
        statistic(np.concatenate([members[number] for number in draw.integers(0, len(names), len(names))]))
        for _ in range(resamples)
    ]
    low, high = np.nanquantile(taken, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)

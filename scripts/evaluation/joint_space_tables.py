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

"""Tables of errors of joint space narrowing: bias, spread, mismatch, coverage, and how methods compare."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from scripts.evaluation.bootstrap import interval

MISMATCH = 1.0
"""Error, px, from which on a registration has missed."""

YARDSTICK = "overlap left out"
"""What layers have to be better than."""


def summary(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return bias, SD, 95 % limits, mismatch and coverage, for each class and method, of what is not refused.

    Args:
        rows: ``depth`` (the class), ``method``, ``error``, ``expected`` (its standard error), ``refused``.
    """
    groups: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        groups[row["depth"], row["method"]].append(row)
    return [_summed(depth, method, own) for (depth, method), own in groups.items()]


def _summed(depth: str, method: str, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    errors = np.array([row["error"] for row in rows if not row["refused"]])
    expected = np.array([row["expected"] for row in rows if not row["refused"]])
    known = np.isfinite(expected)
    found: dict[str, Any] = {"depth": depth, "method": method, "count": len(rows)}
    found["refused"] = round(1 - len(errors) / len(rows), 3)
    if not len(errors):
        return found
    bias, spread = float(errors.mean()), float(errors.std())
    middle = float(1.4826 * np.median(np.abs(errors - np.median(errors))))
    return {
        **found,
        "bias": round(bias, 4),
        "sd": round(spread, 4),
        "robust_sd": round(middle, 4),
        "limits": [round(bias + sign * 1.96 * spread, 3) for sign in (-1, 1)],
        "mismatch": round(float((np.abs(errors) > MISMATCH).mean()), 4),
        "covered": round(float((np.abs(errors) <= 1.96 * expected)[known].mean()), 3) if known.any() else None,
    }


def ratios(rows: Sequence[dict[str, Any]], method: str) -> list[dict[str, Any]]:
    """Return the SD of a method over that of :data:`YARDSTICK`, with its bootstrap interval over the cases.

    Args:
        rows: as :func:`summary` takes them, one a case, class and method.
        method: whose ratio.
    """
    table = []
    for depth in dict.fromkeys(row["depth"] for row in rows):
        by_case: dict[str, dict[str, float]] = defaultdict(dict)
        for row in rows:
            if row["depth"] == depth and not row["refused"]:
                by_case[row["case"]][row["method"]] = row["error"]
        both = {case: own for case, own in by_case.items() if method in own and YARDSTICK in own}
        if len(both) < 3:
            continue
        ours, theirs = (np.array([own[name] for own in both.values()]) for name in (method, YARDSTICK))

        def ratio(chosen: np.ndarray, ours: np.ndarray = ours, theirs: np.ndarray = theirs) -> float:
            return float(ours[chosen].std() / max(1e-9, theirs[chosen].std()))

        low, high = interval(ratio, list(both))
        value = ratio(np.arange(len(both)))
        table.append(
            {"depth": depth, "cases": len(both), "ratio": round(value, 3), "from": round(low, 3), "to": round(high, 3)}
        )
    return table


def widths(rows: Sequence[dict[str, Any]], *, mm: float) -> list[dict[str, Any]]:
    """Return how far widths are apart between masks drawn and predicted, mm.

    Args:
        rows: ``drawn`` and ``predicted``, px, one an image; NaN where a width is refused.
        mm: a px.
    """
    drawn, predicted = (np.array([row[name] for row in rows]) * mm for name in ("drawn", "predicted"))
    both = np.isfinite(predicted - drawn)
    if not both.any():
        return []
    apart = (predicted - drawn)[both]
    return [
        {
            "images": len(rows),
            "refused": round(float(np.isnan(predicted).mean()), 3),
            "mean_mm": round(float(drawn[both].mean()), 3),
            "sd_mm": round(float(apart.std()), 4),
            "robust_sd_mm": round(float(1.4826 * np.median(np.abs(apart))), 4),
        }
    ]


def means(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the means of the field's protocol over all joints, see :mod:`~scripts.evaluation.joint_space_protocol`."""
    names = ("sigma", "sigma_closure", "mismatch") if rows else ()
    return [{"joints": len(rows), **{name: float(np.mean([row[name] for row in rows])) for name in names}}]

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

"""Changes between several visits that add up: pairs of visits are measured one by one, and contradict each other."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from scripts.measurement.joint_series import Change

CONTRADICTED = 2.0
"""Factor by which errors are widened from which on a reader is told."""

CONTROLLED = 1e-6
"""Share of a change's weight that must rest on other changes for these to say something of it."""


def pairs_of(visits: int) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Return the pairs of visits that are reported, and those that only control them.

    Reported are visits that follow each other, and the first with the last; the others skip one visit.
    """
    reported = [(number, number + 1) for number in range(visits - 1)]
    if visits > 2:
        reported.append((0, visits - 1))
    skipping = [(number, number + 2) for number in range(visits - 2)]
    return reported, [pair for pair in skipping if pair not in reported]


def make_consistent(changes: Sequence[Change]) -> list[Change]:
    """Adjust changes so that they add up around each loop of visits, by least squares, weighted by their errors.

    A change moves the more the larger its standard error is. Where loops do not close within the errors, all errors
    that a loop controls are widened by the Birge ratio, the root of chi-square over the degrees of freedom; they are
    never made smaller, for changes that share a visit share its errors. What no loop controls stays as it is. Refused
    changes take no part.

    Args:
        changes: between any visits of one joint, all in mm or all in px.
    """
    usable = [number for number, change in enumerate(changes) if change.px is not None]
    in_mm = all(changes[number].mm is not None for number in usable)
    value, error = np.array([_figures(changes[number], in_mm) for number in usable]).reshape(-1, 2).T
    visits = 1 + max((change.second for change in changes), default=0)
    design = np.zeros((len(usable), visits))
    for row, number in enumerate(usable):
        design[row, changes[number].first], design[row, changes[number].second] = -1.0, 1.0
    # Only differences between visits are known: of all solutions the smallest.
    answer = design @ np.linalg.pinv(design / error[:, None], rcond=1e-9)
    adjusted = answer @ (value / error)
    controlled = 1.0 - (answer**2).sum(axis=1) / error**2
    freedom = round(float(controlled.sum()))
    birge = math.sqrt((((adjusted - value) / error) ** 2).sum() / freedom) if freedom else 0.0
    found = list(changes)
    for row, number in enumerate(usable):
        if controlled[row] > CONTROLLED:
            found[number] = _moved(found[number], adjusted[row] - value[row], max(1.0, birge), in_mm)
    return found


def _figures(change: Change, in_mm: bool) -> tuple[float, float]:
    pair = (change.mm, change.standard_error_mm) if in_mm else (change.px, change.standard_error)
    return float(pair[0] or 0.0), float(pair[1] or 0.0)


def _moved(change: Change, by: float, wider: float, in_mm: bool) -> Change:
    """Return a change with another value and a wider error; ``by`` in mm or px."""
    if change.px is None or change.standard_error is None:
        return change
    unit = change.standard_error_mm / change.standard_error if in_mm and change.standard_error_mm else 1.0
    told = (f"changes between these visits contradict each other: the error is widened {wider:.1f} times",)
    return replace(
        change,
        px=change.px + by / unit,
        mm=None if change.mm is None else change.mm + by,
        standard_error=change.standard_error * wider,
        standard_error_mm=None if change.standard_error_mm is None else change.standard_error_mm * wider,
        warnings=(*change.warnings, *told) if wider >= CONTRADICTED else change.warnings,
    )

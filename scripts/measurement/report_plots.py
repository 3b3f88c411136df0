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


"""Plots of a report: widths of a joint over time, and across the joint at each visit."""

import io
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from scripts.measurement.joint_series import SURE, JointSeries
from scripts.measurement.report_words import in_unit, unit_of, visit_name

INK, QUIET, LINE, ACCENT = "#23272c", "#6b727b", "#dfe2e6", "#c8472b"
STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 7.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#8a9098",
    "axes.labelcolor": INK,
    "axes.titlesize": 8,
    "axes.titlelocation": "left",
    "axes.titlecolor": INK,
    "axes.linewidth": 0.7,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
    "svg.hashsalt": "bls-gan",
    "pdf.fonttype": 42,
}
SIZE = (7.0, 1.75)
"""Width and height of both plots of a joint, inches."""
SPAN = {"mm": 1.0, "px": 10.0}
"""Least span of the axis of widths over time."""


def as_svg(joint: JointSeries) -> str:
    """Return both plots of a joint as an SVG document."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=SIZE, layout="constrained")
        over_time(figure.add_subplot(1, 2, 1), joint)
        across(figure.add_subplot(1, 2, 2), joint)
        stream = io.StringIO()
        figure.savefig(stream, format="svg", metadata={"Date": None})
    return stream.getvalue()


def over_time(axes: Axes, joint: JointSeries) -> None:
    """Plot the mean width with 1.96 standard errors, and the minimum, at each visit."""
    unit = unit_of(joint)
    at, dated = moments(joint)
    measured = [(x, visit, visit.width) for x, visit in zip(at, joint.visits, strict=True) if visit.width is not None]
    places: Any = [x for x, _, _ in measured]
    means = [in_unit(width.mean, visit, unit) for _, visit, width in measured]
    errors = [in_unit(SURE * width.standard_error, visit, unit) for _, visit, width in measured]
    least = [in_unit(width.minimum, visit, unit) for _, visit, width in measured]
    axes.errorbar(
        places, means, errors, color=ACCENT, marker="o", markersize=4, linewidth=1.2, elinewidth=1, label="mean"
    )
    axes.plot(places, least, color=QUIET, marker="o", markersize=2.5, linewidth=0.8, label="minimum")
    axes.set_title(f"width over time, {unit}")
    ends = [*least, *(mean + error for mean, error in zip(means, errors, strict=True))]
    if ends:
        # Never so near that noise looks like a change.
        middle, half = (max(ends) + min(ends)) / 2, max(0.7 * (max(ends) - min(ends)), SPAN[unit] / 2)
        axes.set_ylim(middle - half, middle + half)
    axes.yaxis.set_major_locator(MaxNLocator(4))
    axes.grid(axis="y", color=LINE, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.margins(x=0.12)
    if dated:
        locator = AutoDateLocator(minticks=2, maxticks=5)
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(ConciseDateFormatter(locator, show_offset=False))
    else:
        axes.set_xticks(at, [f"visit {number + 1}" for number in range(len(at))])
    axes.legend(fontsize=7, loc="best", ncols=2, handlelength=1.2)


def across(axes: Axes, joint: JointSeries) -> None:
    """Plot the width across the joint at each visit, the latest one in colour."""
    unit = unit_of(joint)
    shown = [visit for visit in joint.visits if visit.width is not None]
    for number, visit in enumerate(shown):
        assert visit.width is not None
        curve = np.array(visit.width.curve, dtype=float).reshape(-1, 2)
        last = number == len(shown) - 1
        share = 0.78 - 0.4 * number / max(1, len(shown) - 1)
        axes.plot(
            in_unit(1.0, visit, unit) * curve[:, 0],
            in_unit(1.0, visit, unit) * curve[:, 1],
            color=ACCENT if last else str(share),
            linewidth=1.4 if last else 1.0,
            label=visit_name(visit, joint),
        )
    axes.set_title(f"width across the joint, {unit}")
    # Bones that overlap have a width below 0.
    low, high = axes.get_ylim()
    axes.set_ylim(min(0.0, low), high + 0.15 * (high - min(0.0, low)))
    axes.axhline(0.0, color="#8a9098", linewidth=0.7)
    axes.yaxis.set_major_locator(MaxNLocator(4))
    axes.grid(axis="y", color=LINE, linewidth=0.6)
    axes.set_axisbelow(True)
    if shown:
        axes.legend(fontsize=7, loc="best", ncols=2 if len(shown) > 2 else 1, handlelength=1.2)


def moments(joint: JointSeries) -> tuple[Sequence[Any], bool]:
    """Return where each visit stands on the axis of time, and whether these are dates; else they are numbers."""
    try:
        return [datetime.strptime(visit.date, "%Y%m%d") for visit in joint.visits], True
    except ValueError:
        return list(range(len(joint.visits))), False

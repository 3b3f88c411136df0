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

"""Plots of a comparison: error by thickness, by input and by image; any metric of rows as dots."""

import io
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from scripts.evaluation.comparison import NETWORKS, Comparison
from scripts.evaluation.tables import Row

COLOURS, GREYS, INK = (
    ("#b5432a", "#d98b5f", "#7a2f5d", "#c2a03a", "#4f7d6b"),
    ("#b9bdc3", "#969ca4", "#6f7680", "#4b525b"),
    "#23272c",
)
STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 8.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#8a9098",
    "axes.labelcolor": INK,
    "axes.titlesize": 9.5,
    "axes.titlelocation": "left",
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
    "svg.hashsalt": "bls-gan",
}


def colours(names: Sequence[str], comparison: Comparison) -> dict[str, str]:
    """Choose greys for methods that learn nothing, which come first, and colours for networks."""
    networks = [name for name in names if comparison.definitions[name]["kind"] in NETWORKS]
    others = [name for name in names if name not in networks]
    chosen = {name: GREYS[at % len(GREYS)] for at, name in enumerate(others)}
    return {**chosen, **{name: COLOURS[at % len(COLOURS)] for at, name in enumerate(networks)}}


def svg(figure: Figure) -> str:
    """Return a figure as an SVG document."""
    stream = io.StringIO()
    figure.savefig(stream, format="svg", bbox_inches="tight", metadata={"Date": None})
    return stream.getvalue()


def panels(count: int, width: float = 4.6, height: float = 3.2) -> tuple[Figure, list[Axes]]:
    """Return a figure with a row of axes."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(width * count, height), layout="constrained")
        axes = [figure.add_subplot(1, count, at + 1) for at in range(count)]
    return figure, axes


def whisker(axes: Axes, at: float, row: Row, column: str, colour: str, *, across: bool = True, **more: Any) -> None:
    """Draw a dot at a metric and a line along its interval."""
    value, low, high = (row.get(f"{column}{end}") for end in ("", "_from", "_to"))
    if value is None:
        return
    if low is not None and high is not None:
        ends, position = [low, high], [at, at]
        axes.plot(*((ends, position) if across else (position, ends)), color=colour, linewidth=1.4, alpha=0.7)
    axes.plot(*((value, at) if across else (at, value)), marker="o", markersize=4.5, color=colour, linestyle="", **more)


def by_thickness(comparison: Comparison) -> str:
    """Plot the overlap error of each method against the thickness of the overlap, one panel a yardstick."""
    with mpl.rc_context(STYLE):
        figure, axes = panels(max(len(comparison.joints), 1))
        for panel, where in zip(axes, comparison.joints, strict=True):
            rows = [row for row in comparison.rows if row["joints"] == where and row["overlap"] != "all"]
            classes = list(dict.fromkeys(row["overlap"] for row in rows))
            methods = list(dict.fromkeys(row["method"] for row in rows))
            methods = [name for name in methods if "masks" in comparison.definitions[name]["given"]]
            for number, (name, colour) in enumerate(colours(methods, comparison).items()):
                own = {row["overlap"]: row for row in rows if row["method"] == name}
                shift = 0.09 * (number - (len(methods) - 1) / 2)
                for at, label in enumerate(classes):
                    whisker(panel, at + shift, own[label], "overlap_mae_both", colour, across=False)
                panel.plot([], [], "o", color=colour, label=name)
            counts = {row["overlap"]: row["images"] for row in rows}
            panel.set_xticks(range(len(classes)), [f"{label}\n{counts[label]} joints" for label in classes])
            panel.set_ylim(bottom=0)
            panel.set_title(where)
        axes[0].set_ylabel("error in the overlap, gray levels")
        axes[-1].legend(fontsize=7.5, loc="center left", bbox_to_anchor=(1.0, 0.5))
        return svg(figure)


def by_input(comparison: Comparison) -> str:
    """Plot the overlap error under each perturbation, one panel a yardstick."""
    inputs = list(comparison.inputs)
    with mpl.rc_context(STYLE):
        figure, axes = panels(max(len(comparison.joints), 1), height=0.32 * len(inputs) + 0.9)
        for panel, where in zip(axes, comparison.joints, strict=True):
            rows = [row for row in comparison.rows if row["joints"] == where and row["overlap"] == "all"]
            methods = list(dict.fromkeys(row["method"] for row in rows))
            for number, (name, colour) in enumerate(colours(methods, comparison).items()):
                for row in (row for row in rows if row["method"] == name):
                    at = inputs.index(row["input"]) + 0.22 * (number - (len(methods) - 1) / 2)
                    whisker(panel, at, row, "overlap_mae_split_only_both", colour)
                panel.plot([], [], "o", color=colour, label=name)
            panel.set_yticks(range(len(inputs)), inputs if panel is axes[0] else [""] * len(inputs))
            panel.set_ylim(len(inputs) - 0.5, -0.5)
            panel.set_xlim(left=0)
            panel.set_title(where)
            panel.grid(axis="y", color="#eceef0")
            panel.set_axisbelow(True)
            panel.set_xlabel("error in the split overlap, gray levels")
        axes[-1].legend(fontsize=7.5, loc="lower right")
        return svg(figure)


def by_image(comparison: Comparison) -> str:
    """Plot the overlap error of every image, one panel a yardstick."""
    with mpl.rc_context(STYLE):
        names = list(comparison.methods)
        coloured = colours(names, comparison)
        figure, axes = panels(max(len(comparison.joints), 1), height=0.3 * len(names) + 0.9)
        for panel, where in zip(axes, comparison.joints, strict=True):
            for at, (name, colour) in enumerate(coloured.items()):
                values = comparison.measured[where, "as it is", name]["overlap_mae"].mean(dim=1).numpy()
                values = values[np.isfinite(values)]
                spread = np.random.default_rng(at).uniform(-0.25, 0.25, len(values))
                panel.scatter(values, at + spread, s=4, color=colour, alpha=0.55, linewidths=0)
                panel.plot(
                    [np.median(values)] * 2 if len(values) else [],
                    [at - 0.35, at + 0.35] if len(values) else [],
                    color=INK,
                )
            panel.set_yticks(range(len(names)), list(coloured) if panel is axes[0] else [""] * len(names))
            panel.set_ylim(len(names) - 0.5, -0.5)
            panel.set_xscale("log")
            panel.set_title(where)
            panel.set_xlabel("error in the overlap, gray levels (log)")
        return svg(figure)


def dots(
    rows: Sequence[Mapping[str, Any]], name: str, columns: Mapping[str, str], label: str, *, line: float | None = None
) -> str:
    """Plot metrics of each row as dots with intervals.

    Args:
        rows: to draw, top to bottom.
        name: column that names them.
        columns: columns to draw, with their text in the legend.
        label: of the axis.
        line: value to mark with a dotted line.
    """
    with mpl.rc_context(STYLE):
        figure, (panel,) = panels(1, width=7.2, height=0.3 * len(rows) + 0.9)
        for number, (column, legend) in enumerate(columns.items()):
            colour = (COLOURS[0], GREYS[3])[number % 2]
            for at, row in enumerate(rows):
                whisker(panel, at + 0.2 * (number - (len(columns) - 1) / 2), dict(row), column, colour)
            panel.plot([], [], "o", color=colour, label=legend)
        if line is not None:
            panel.axvline(line, color=INK, linewidth=0.8, linestyle=":")
        panel.set_yticks(range(len(rows)), [row[name] for row in rows])
        panel.set_ylim(len(rows) - 0.5, -0.5)
        panel.grid(axis="y", color="#eceef0")
        panel.set_axisbelow(True)
        panel.set_xlabel(label)
        panel.legend(fontsize=7.5, loc="center left", bbox_to_anchor=(1.0, 0.5))
        return svg(figure)

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

"""Page of the evidence for the measurement of joint space: tables, and every error as a dot."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from jinja2 import Environment, FileSystemLoader, select_autoescape

from scripts.evaluation.plots import COLOURS, GREYS, STYLE, panels, svg
from scripts.evaluation.report_parts import Part, drawing

Rows = Sequence[Mapping[str, Any]]

TITLES = {
    "pushes": "Known pushes of real pairs, px",
    "over leaving the overlap out": "Standard deviation over that of leaving the overlap out",
    "visits": "Closure of three real visits, px",
    "protocol": "Precision by the field's protocol, mm",
    "widths": "Widths with masks drawn and predicted, mm",
    "phantom": "Known changes of drawn joints, mm",
}
"""Tables in the order of the page."""


def write_page(path: Path, tables: Mapping[str, Rows], errors: Mapping[str, Rows], *, version: str, facts: Any) -> None:
    """Write the page.

    Args:
        path: of the page.
        tables: rows of each of :data:`TITLES`.
        errors: ``method``, ``depth``, ``error`` and ``refused`` of each case of ``pushes`` and ``visits``.
        version: of the bundle.
        facts: what stands at the top, by name.
    """
    sections = []
    for name, title in TITLES.items():
        if rows := tables.get(name):
            parts = [table_of(rows)]
            if errors.get(name):
                parts.insert(0, drawing(dots(errors[name]), "Every dot is a pair or three visits, the bar the mean."))
            sections.append({"title": title, "parts": parts})
    environment = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=select_autoescape())
    page = environment.get_template("joint_space.html").render(version=version, facts=facts, sections=sections)
    path.write_text(page)


def table_of(rows: Rows) -> Part:
    """Return a table whose first column is the first value of each row, our own method marked."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    first, *others = columns
    filled = [
        {
            "name": shown(row.get(first)),
            "network": str(row.get("method", "")).startswith("layers, "),
            "cells": [{"mean": shown(row.get(name)), "interval": ""} for name in others],
        }
        for row in rows
    ]
    return {"columns": [name.replace("_", " ") for name in columns], "rows": filled}


def shown(value: Any) -> str:
    """Return a value as a table shows it."""
    if value is None:
        return "\N{EN DASH}"
    if isinstance(value, list | tuple):
        return " to ".join(map(shown, value))
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def dots(rows: Rows, reach: float = 2.0) -> str:
    """Plot every error that is not refused, a panel a class, a line of dots a method; SVG.

    Args:
        rows: of the errors.
        reach: px beyond which an error is drawn at the border.
    """
    classes, methods = (list(dict.fromkeys(row[key] for row in rows)) for key in ("depth", "method"))
    spread = np.random.default_rng(0)
    with mpl.rc_context(STYLE):
        figure, axes = panels(len(classes), height=0.34 * len(methods) + 0.9)
        for panel, depth in zip(axes, classes, strict=True):
            for at, method in enumerate(methods):
                own = [row for row in rows if (row["depth"], row["method"]) == (depth, method) and not row["refused"]]
                errors = np.array([row["error"] for row in own]).clip(-reach, reach)
                learned = method.startswith("layers, ")
                colour = COLOURS[at % len(COLOURS)] if learned else GREYS[at % len(GREYS)]
                panel.plot(errors, at + spread.uniform(-0.2, 0.2, len(errors)), ".", color=colour, markersize=5)
                if len(errors):
                    panel.plot([errors.mean()] * 2, [at - 0.32, at + 0.32], color=colour, linewidth=2)
            panel.axvline(0, color="#dfe2e6", zorder=0)
            panel.set_yticks(range(len(methods)), methods if panel is axes[0] else [""] * len(methods))
            panel.set_ylim(len(methods) - 0.5, -0.5)
            panel.set_xlim(-reach, reach)
            panel.set_title(depth)
            panel.set_xlabel("error, px")
        return svg(figure)

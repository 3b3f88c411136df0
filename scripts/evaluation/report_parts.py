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

"""Parts of a report: tables of metrics, and plots with the text that explains them."""

import base64
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from scripts.evaluation.comparison import NETWORKS, Comparison
from scripts.evaluation.tables import Row

Part = dict[str, Any]


def cell(
    row: Mapping[str, Any], metric: str, digits: int, bones: Sequence[str] = ("_lower", "_upper")
) -> dict[str, str]:
    """Return a table's cell: the means, and their intervals if there are any."""

    def shown(column: str) -> str:
        value = row.get(column)
        return "\N{EN DASH}" if value is None else f"{value:.{digits}f}"

    spreads = {bone: row.get(f"{metric}{bone}_spread") for bone in bones}
    means = [
        shown(f"{metric}{bone}") + ("" if spread is None else f" ± {spread:.{digits}f}")
        for bone, spread in spreads.items()
    ]
    ends = [
        f"{shown(f'{metric}{bone}_from')} to {shown(f'{metric}{bone}_to')}"
        for bone in bones
        if row.get(f"{metric}{bone}_from") is not None
    ]
    return {"mean": " / ".join(means), "interval": " / ".join(ends)}


def table(
    rows: Sequence[Row],
    name: str,
    metrics: Mapping[str, tuple[str, int]],
    *,
    networks: Collection[str] = (),
    title: str = "",
    text: str = "",
) -> Part:
    """Return a table of rows, one metric a column; rows named in ``networks`` are marked."""
    filled = [
        {
            "name": row[name],
            "network": row[name] in networks,
            "cells": [cell(row, metric, digits) for metric, (_, digits) in metrics.items()],
        }
        for row in rows
    ]
    return {"title": title, "text": text, "columns": [name, *(label for label, _ in metrics.values())], "rows": filled}


def networks_of(*comparisons: Comparison) -> set[str]:
    """Return the names of the networks in the tables of comparisons."""
    return {
        name
        for comparison in comparisons
        for name, method in comparison.definitions.items()
        if method["kind"] in NETWORKS
    }


def drawing(svg: str, text: str, title: str = "") -> Part:
    """Return a plot and how to read it."""
    return {"title": title, "text": text, "picture": data_uri(svg.encode(), "image/svg+xml")}


def data_uri(content: bytes, kind: str) -> str:
    """Return content as an address that holds it."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"

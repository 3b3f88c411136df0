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

"""Tables: rows of metrics as CSV and JSON files, and as sentences."""

import csv
import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

logger = logging.getLogger(__name__)

Row = dict[str, Any]


def describe(row: Mapping[str, Any]) -> str:
    """Return one line of the table: ``set | method | metric lower / upper | ...``."""
    pairs = [key.removesuffix("_lower") for key in row if key.endswith("_lower")]
    cells = [
        f"{name} "
        + " / ".join("-" if mean is None else f"{mean:.3f}" for mean in (row[f"{name}_lower"], row[f"{name}_upper"]))
        for name in pairs
    ]
    given = [] if row.get("input", "as it is") == "as it is" else [row["input"]]
    return " | ".join([f"{row['joints']} ({row['images']})", *given, row["method"], *cells])


def write_csv(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows with one header that holds every column met."""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, columns)
        writer.writeheader()
        writer.writerows(rows)


def write_table(output_dir: Path, name: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows as ``NAME.json`` and ``NAME.csv`` into a folder, which is created if it is not there."""
    output_dir.mkdir(parents=True, exist_ok=True)
    (output_dir / f"{name}.json").write_text(json.dumps(rows, indent=4) + "\n")
    write_csv(output_dir / f"{name}.csv", rows)
    logger.info("table: %s", output_dir / f"{name}.csv")

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

"""Status of the node: how many objects are in each state, and the last ones; as JSON and as a page."""

from datetime import UTC, datetime
from html import escape
from typing import Any

from serving.database import Database
from serving.node.received import ReceivedObjects

LISTED = 100
"""Objects that are listed, the last first."""

COLUMNS = ("image", "state", "reason", "attempts", "next attempt", "results", "changed")

PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta http-equiv="refresh" content="10"><title>DICOM node</title>
<style>body {{ font-family: sans-serif; margin: 2em }} table {{ border-collapse: collapse; margin: 1em 0 }}
th, td {{ text-align: left; padding: 0.2em 0.8em; border-bottom: 1px solid #ccc }}</style></head>
<body><h1>DICOM node</h1>
{counts}
{last}
<p>Research use, not a medical device.</p></body></html>
"""


def status(database: Database) -> dict[str, Any]:
    """Return the status as JSON holds it: ``states``, numbers, and ``last``, the last objects; nothing of a patient.

    Raises:
        OSError: the journal cannot be read.
    """
    received = ReceivedObjects(database)
    last = [
        {
            "image": row.sop,
            "state": row.state,
            "reason": row.reason,
            "attempts": row.attempts,
            "next attempt": _moment(row.due),
            "results": row.results,
            "changed": _moment(row.changed),
        }
        for row in received.last(LISTED)
    ]
    return {"states": received.counts(), "last": last}


def page(told: dict[str, Any]) -> str:
    """Return the status as HTML."""
    states = [[state, number] for state, number in told["states"].items()]
    return PAGE.format(
        counts=_table(("state", "objects"), states),
        last=_table(COLUMNS, [[each[column] for column in COLUMNS] for each in told["last"]]),
    )


def _table(columns: tuple[str, ...], rows: list[list[Any]]) -> str:
    head = "".join(f"<th>{escape(column)}</th>" for column in columns)
    body = "".join(f"<tr>{''.join(f'<td>{escape(str(value))}</td>' for value in row)}</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{body}</table>"


def _moment(seconds: float) -> str:
    """Return a moment in words; empty for none."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds") if seconds else ""

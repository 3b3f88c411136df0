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


"""Key and answers of a reading test as CSV files."""

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from scripts.errors import InputError
from scripts.reading_test.pairing import BONE_NAMES, Item

REAL, MADE = "real", "made"
MACHINE = "machine"
"""Name of the classifier among the readers."""

KEY_COLUMNS = ("item", "truth", "bone", "thickest_px", "case")
ANSWER_COLUMNS = ("reader", "item", "answer", "seconds")


class Truth(NamedTuple):
    """One line of a key."""

    truth: str
    bone: str
    thickest_px: int
    case: str


class Answer(NamedTuple):
    """One line of an answer file; ``seconds`` is None where no clock ran."""

    reader: str
    item: str
    answer: str
    seconds: float | None


def key_file(items: Mapping[str, Item]) -> str:
    """Return the key of a test: the truth of each item, by its name."""
    rows = [
        (name, MADE if item.made else REAL, BONE_NAMES[item.bone], item.thickest_px, item.entry["case"])
        for name, item in items.items()
    ]
    return table(KEY_COLUMNS, rows)


def answer_file(reader: str, said: Mapping[str, str]) -> str:
    """Return the answer file of a reader without a clock."""
    return table(ANSWER_COLUMNS, [(reader, item, answer, "") for item, answer in said.items()])


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return rows as the text of a CSV file."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerows([columns, *rows])
    return stream.getvalue()


def read_key(path: str | Path) -> dict[str, Truth]:
    """Read a key.

    Raises:
        InputError: it is no key: a column is missing, or a value or an item is wrong; names the file.
        OSError: there is no such file.
    """
    found: dict[str, Truth] = {}
    for row in rows_of(path, KEY_COLUMNS):
        item = row["item"]
        if item in found:
            raise InputError(f"{path}: expected each item once, got {item!r} twice")
        one_of(path, "truth", row["truth"], (REAL, MADE))
        one_of(path, "bone", row["bone"], tuple(BONE_NAMES.values()))
        if not row["thickest_px"].isdecimal():
            raise InputError(f"{path}: thickest_px of {item!r}: expected a whole number, got {row['thickest_px']!r}")
        found[item] = Truth(row["truth"], row["bone"], int(row["thickest_px"]), row["case"])
    return found


def read_answers(paths: Sequence[str | Path], key: Mapping[str, Truth]) -> list[Answer]:
    """Read the answers of all readers, in files that may hold more than one reader.

    Raises:
        InputError: no file or an empty one, a missing column, an answer to an item that the key does not have, a second
            answer of a reader to an item, or a wrong value; names the file.
        OSError: there is no such file.
    """
    if not paths:
        raise InputError("answers: expected one CSV file or more, got none")
    found: dict[tuple[str, str], Answer] = {}
    origin: dict[tuple[str, str], str | Path] = {}
    for path in paths:
        for row in rows_of(path, ANSWER_COLUMNS):
            reader, item = row["reader"].strip(), row["item"]
            if not reader:
                raise InputError(f"{path}: expected a reader's name for item {item!r}, got none")
            if item not in key:
                raise InputError(f"{path}: expected items of the key, got {item!r}")
            if (reader, item) in found:
                where = "" if origin[reader, item] == path else f" ({origin[reader, item]} has one already)"
                raise InputError(f"{path}: expected one answer of {reader!r} to item {item!r}, got a second{where}")
            one_of(path, "answer", row["answer"], (REAL, MADE))
            found[reader, item] = Answer(reader, item, row["answer"], seconds_of(path, row["seconds"]))
            origin[reader, item] = path
    return list(found.values())


def rows_of(path: str | Path, columns: Sequence[str]) -> list[dict[str, str]]:
    """Read the rows of a CSV file that has at least these columns; at least one."""
    try:
        with Path(path).open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream, strict=True)
            rows, header = list(reader), reader.fieldnames or ()
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: expected a CSV file in UTF-8, got something else ({error})") from error
    missing = [column for column in columns if column not in header]
    if missing:
        raise InputError(f"{path}: expected the columns {', '.join(columns)}, got none named {', '.join(missing)}")
    for number, row in enumerate(rows, 2):
        if None in row or None in row.values():
            raise InputError(f"{path}: expected {len(header)} values in line {number}, got more or fewer")
    if not rows:
        raise InputError(f"{path}: expected lines under its header, got none")
    return rows


def one_of(path: str | Path, column: str, value: str, allowed: Sequence[str]) -> None:
    """Refuse another value than one of these."""
    if value not in allowed:
        raise InputError(f"{path}: {column}: expected {' or '.join(allowed)}, got {value!r}")


def seconds_of(path: str | Path, text: str) -> float | None:
    """Return a time in s, None of nothing."""
    if not text.strip():
        return None
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not (math.isfinite(seconds) and seconds >= 0):
        raise InputError(f"{path}: seconds: expected a number from 0 up, got {text!r}")
    return seconds

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


"""Score of a reading test: how often each reader was right, with exact intervals, and how readers agree."""

import itertools
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import fire
import numpy as np
from scipy.stats import binomtest
from sklearn.metrics import cohen_kappa_score

from scripts.errors import exit_on_input_error
from scripts.evaluation.bootstrap import mean_interval
from scripts.evaluation.tables import write_table
from scripts.files import prepare_output
from scripts.reading_test.answers import MACHINE, MADE, REAL, Answer, Truth, read_answers, read_key

logger = logging.getLogger(__name__)

FIELD = 0.71
"""Accuracy of five readers in the visual Turing test of Wang et al., BLS-GAN (AAAI 2025)."""
THICKEST = (4, 8, 16)
"""Last thickness of each class of overlaps, px, by the thickest column, as in ``evaluate.json``."""


def overlap_class(thickest_px: int) -> str:
    """Return the class that an overlap belongs to, in words."""
    for first, last in zip((0, *THICKEST), THICKEST, strict=False):
        if thickest_px <= last:
            return f"overlap {first + 1} to {last} px"
    return f"overlap above {THICKEST[-1]} px"


def parts_of(answers: Sequence[Answer], key: Mapping[str, Truth]) -> dict[str, list[Answer]]:
    """Return the answers to all items, to those of each bone and to those of each class of overlaps."""
    classes = [overlap_class(last) for last in (*THICKEST, THICKEST[-1] + 1)]
    names = ["all", "lower bones", "upper bones", *classes]
    parts: dict[str, list[Answer]] = {name: [] for name in names}
    for answer in answers:
        truth = key[answer.item]
        for name in ("all", f"{truth.bone} bones", overlap_class(truth.thickest_px)):
            parts[name].append(answer)
    return {name: part for name, part in parts.items() if part}


def score(answers: Sequence[Answer], key: Mapping[str, Truth]) -> dict[str, Any]:
    """Return how often answers were right.

    Args:
        answers: of one reader, at least one.
        key: the truth.

    Returns:
        ``answers``, ``right``, ``accuracy`` with its exact 95 % interval ``from``, ``to`` (Clopper and Pearson),
        ``real_right`` and ``made_right``, the shares of real and of made pictures that were told right (None without
        such pictures), ``p_chance`` and ``p_field``, two-sided exact tests against 0.5 and :data:`FIELD`, ``seconds``,
        the median (None without a clock).
    """
    right = [answer.answer == key[answer.item].truth for answer in answers]
    seconds = [answer.seconds for answer in answers if answer.seconds is not None]
    exact = binomtest(sum(right), len(right)).proportion_ci(0.95, method="exact")
    row: dict[str, Any] = {
        "answers": len(right),
        "right": sum(right),
        "accuracy": round(sum(right) / len(right), 4),
        "from": round(float(exact.low), 4),
        "to": round(float(exact.high), 4),
    }
    for kind in (REAL, MADE):
        own = [is_right for answer, is_right in zip(answers, right, strict=True) if key[answer.item].truth == kind]
        row[f"{kind}_right"] = round(float(np.mean(own)), 4) if own else None
    for name, expected in (("chance", 0.5), ("field", FIELD)):
        row[f"p_{name}"] = float(f"{binomtest(sum(right), len(right), expected).pvalue:.3g}")
    return row | {"seconds": round(float(np.median(seconds)), 2) if seconds else None}


def mean_of_readers(said: Mapping[str, Mapping[str, str]], key: Mapping[str, Truth]) -> dict[str, Any] | None:
    """Return the mean accuracy of all readers but the machine, over the items that all of them answered.

    Args:
        said: the answers of each reader, by item.
        key: the truth.

    Returns:
        ``reader`` (how many they are), ``of``, ``items``, ``accuracy``, its 95 % interval ``from``, ``to``: bootstrap
        over the cases, of other pictures for the same readers; None with fewer than two readers or no such item.
    """
    readers = [reader for reader in said if reader != MACHINE]
    items = [item for item in key if all(item in said[reader] for reader in readers)]
    if len(readers) < 2 or not items:
        return None
    right = np.array([[said[reader][item] == key[item].truth for reader in readers] for item in items]).mean(axis=1)
    ends = mean_interval(right, [key[item].case for item in items]) or (None, None)
    numbers = {name: None if end is None else round(end, 4) for name, end in zip(("from", "to"), ends, strict=True)}
    mean = {"accuracy": round(float(right.mean()), 4), **numbers}
    return {"reader": f"mean of {len(readers)} readers", "of": "all", "items": len(items), **mean}


def agreement(first: Mapping[str, str], second: Mapping[str, str]) -> dict[str, Any]:
    """Return ``items`` that both readers answered and Cohen's ``kappa`` over them; None where it is not defined."""
    both = [item for item in first if item in second]
    said = [[answers[item] for item in both] for answers in (first, second)]
    # Readers who both said one word all the time agree by chance alone.
    defined = len({word for words in said for word in words}) > 1
    return {"items": len(both), "kappa": round(float(cohen_kappa_score(*said)), 4) if defined else None}


def in_words(row: Mapping[str, Any]) -> str:
    """Return a row of the scores as a line."""

    def shown(share: float | None) -> str:
        return "-" if share is None else f"{share:.2f}"

    clock = "" if row["seconds"] is None else f", median {row['seconds']:.1f} s"
    return (
        f"{row['reader']} | {row['of']} | {row['right']} of {row['answers']} right: {row['accuracy']:.2f} "
        f"({row['from']:.2f} to {row['to']:.2f}), real {shown(row['real_right'])}, made {shown(row['made_right'])}, "
        f"p {row['p_chance']:.2g} against chance (0.5), {row['p_field']:.2g} against {FIELD}{clock}"
    )


@exit_on_input_error()
def main(key: str, *answers: str, output_dir: str | None = None) -> None:
    """Score a reading test.

    Args:
        key: ``key.csv`` of the test.
        answers: answer files of all readers.
        output_dir: for the tables ``scores`` and, of two readers and more, ``agreement``, ``.csv`` and ``.json`` each;
            none: not written.
    """
    if output_dir is not None:
        prepare_output(Path(output_dir))
    truths = read_key(key)
    by_reader: dict[str, list[Answer]] = {}
    for answer in read_answers(answers, truths):
        by_reader.setdefault(answer.reader, []).append(answer)
    scores = [
        {"reader": reader, "of": name, "items": len(truths), **score(part, truths)}
        for reader, own in by_reader.items()
        for name, part in parts_of(own, truths).items()
    ]
    said = {reader: {answer.item: answer.answer for answer in own} for reader, own in by_reader.items()}
    pairs = [
        {"reader": first, "other": second, **agreement(said[first], said[second])}
        for first, second in itertools.combinations(said, 2)
    ]
    for row in scores:
        logger.info("%s", in_words(row))
    if mean := mean_of_readers(said, truths):
        logger.info("%(reader)s | %(items)d items that all answered: %(accuracy).2f (%(from)s to %(to)s)", mean)
        scores.append(mean)
    for reader, own in by_reader.items():
        if len(own) < len(truths):
            logger.warning("%s has answered %d of %d items", reader, len(own), len(truths))
    for row in pairs:
        kappa = "not defined" if row["kappa"] is None else f"{row['kappa']:.2f}"
        logger.info("%s and %s | %d items, Cohen's kappa %s", row["reader"], row["other"], row["items"], kappa)
    if output_dir is not None:
        write_table(Path(output_dir), "scores", scores)
        if pairs:
            write_table(Path(output_dir), "agreement", pairs)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    fire.Fire(main)

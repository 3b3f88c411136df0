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


import csv
import json
import logging
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from scripts.datasets.test_sets import RealJoints, Yardstick
from scripts.evaluation.comparison import Comparison, other_methods, thickness
from scripts.evaluation.measure import measure
from scripts.evaluation.metrics import BorderStep, RecompositionError
from scripts.evaluation.perturbations import MasksOff, SoftTissueOff
from scripts.evaluation.tables import describe
from scripts.networks.baselines import CopyImage, EqualSplit
from tests.support.measured import overlap_error


@pytest.fixture
def comparison(yardstick: Path, tmp_path: Path) -> Comparison:
    given = ["masks", "soft_tissue"]
    return Comparison(
        joints={"drawn": Yardstick(yardstick)},
        methods={
            "copy": {"network": CopyImage(), "given": given},
            "equal": {"network": EqualSplit(), "given": given},
        },
        metrics=overlap_error(),
        output_dir=tmp_path / "eval" / "today",
        name="table",
    )


def test_a_comparison_has_one_row_a_set_and_method_with_the_mean_of_each_bone(
    comparison: Comparison, yardstick: Path
) -> None:
    copy, equal = comparison.run()
    assert (copy["joints"], copy["method"], copy["images"]) == ("drawn", "copy", 3)
    assert equal["method"] == "equal"
    measured = measure(EqualSplit(), Yardstick(yardstick), overlap_error(), given=["masks", "soft_tissue"])
    lower, upper = measured["overlap_mae"].nanmean(dim=0).tolist()
    assert equal["overlap_mae_lower"] == pytest.approx(lower, abs=1e-4)
    assert equal["overlap_mae_upper"] == pytest.approx(upper, abs=1e-4)
    assert copy["overlap_mae_lower"] > 2 * equal["overlap_mae_lower"]


def test_a_comparison_is_written_as_json_and_csv_with_every_image(comparison: Comparison) -> None:
    rows = comparison.run()
    folder = comparison.output_dir
    assert json.loads((folder / "table.json").read_text()) == rows
    with (folder / "table.csv").open(newline="") as stream:
        means = list(csv.DictReader(stream))
    assert [row["method"] for row in means] == ["copy", "equal"]
    assert float(means[1]["overlap_mae_upper"]) == rows[1]["overlap_mae_upper"]
    with (folder / "table_images.csv").open(newline="") as stream:
        images = [row for row in csv.DictReader(stream) if row["method"] == "equal"]
    assert [(row["image"], row["figure"]) for row in images] == [(str(at), "overlap_mae") for at in range(3)]
    uppers = [float(row["upper"]) for row in images]
    assert math.isnan(uppers[2])
    assert sum(uppers[:2]) / 2 == pytest.approx(rows[1]["overlap_mae_upper"], abs=1e-4)


def test_a_comparison_says_each_row_when_it_has_it(comparison: Comparison, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="scripts.evaluation.comparison"):
        _, equal = comparison.run()
    said = [record.getMessage() for record in caplog.records if record.name == "scripts.evaluation.comparison"]
    errors = f"{equal['overlap_mae_lower']:.3f} / {equal['overlap_mae_upper']:.3f}"
    assert said == [said[0], f"drawn (3) | equal | overlap_mae {errors}"]


def test_metrics_of_all_sets_share_one_table(yardstick: Path, release: Path, tmp_path: Path) -> None:
    rows = Comparison(
        joints={"drawn": Yardstick(yardstick), "real": RealJoints(release, split="test")},
        methods={"equal": {"network": EqualSplit(), "given": ["masks", "soft_tissue"]}},
        metrics={"recomposition": RecompositionError(), "step": BorderStep()},
        output_dir=tmp_path,
        name="both",
    ).run()
    assert [row["joints"] for row in rows] == ["drawn", "real"]
    for row in rows:
        assert row["recomposition_lower"] == row["recomposition_upper"] < 0.01
        assert row["step_lower"] > 0


def test_a_metric_with_nothing_to_measure_is_a_dash() -> None:
    row = {"joints": "some", "images": 2, "method": "ours", "step_lower": 1.5, "step_upper": None}
    assert describe(row) == "some (2) | ours | step 1.500 / -"


def compared(yardstick: Path, folder: Path, methods: dict[str, Any], **options: Any) -> Comparison:
    comparison = Comparison(
        joints={"drawn": Yardstick(yardstick)},
        methods=methods,
        metrics=overlap_error(),
        output_dir=folder,
        name="table",
        **options,
    )
    comparison.run()
    return comparison


GIVEN = ["masks", "soft_tissue"]


def test_joints_are_told_apart_by_the_thickest_column_of_their_overlap(yardstick: Path, tmp_path: Path) -> None:
    joints = Yardstick(yardstick)
    px = [thickness(joints[at]["masks"]) for at in range(3)]
    assert px[0] > 0
    assert px[1] > px[0]
    assert px[2] == 0
    methods = {"equal": {"network": EqualSplit(), "given": GIVEN}}
    rows = compared(yardstick, tmp_path, methods, thickest=[px[0]]).rows
    assert [(row["overlap"], row["images"]) for row in rows] == [
        ("all", 3),
        (f"1 to {px[0]} px", 1),
        (f"above {px[0]} px", 1),
    ]
    alone = (rows[1]["overlap_mae_lower"] + rows[2]["overlap_mae_lower"]) / 2
    assert rows[0]["overlap_mae_lower"] == pytest.approx(alone, abs=1e-3)
    assert rows[0]["overlap_mae_lower_from"] <= rows[0]["overlap_mae_lower"] <= rows[0]["overlap_mae_lower_to"]
    assert rows[1]["overlap_mae_lower_from"] is None


def test_a_method_meets_only_the_changes_of_what_it_is_given(yardstick: Path, tmp_path: Path) -> None:
    class Halves(EqualSplit):
        def forward(self, image: Any, masks: Any, soft_tissue: Any = None) -> Any:
            k = torch.full_like(image[:, 0, 0, 0], 0.25) if soft_tissue is None else soft_tissue
            return super().forward(image, masks, k)

    methods = {"told": {"network": Halves(), "given": GIVEN}, "not told": {"network": Halves(), "given": ["masks"]}}
    inputs = {"as it is": None, "k off": SoftTissueOff(factor=1.2), "masks off": MasksOff(pixels=1)}
    comparison = compared(yardstick, tmp_path, methods, inputs=inputs, every=2)
    assert [(row["input"], row["method"]) for row in comparison.rows] == [
        ("as it is", "told"),
        ("as it is", "not told"),
        ("k off", "told"),
        ("masks off", "told"),
        ("masks off", "not told"),
    ]
    assert comparison.rows[0]["images"] == 2
    assert comparison.rows[2]["overlap_mae_both"] != comparison.rows[0]["overlap_mae_both"]
    assert describe(comparison.rows[2]).startswith("drawn (2) | k off | told | overlap_mae ")


def test_seeds_of_a_training_have_a_row_of_their_mean_and_spread(yardstick: Path, tmp_path: Path) -> None:
    class Share(EqualSplit):
        def __init__(self) -> None:
            super().__init__()
            self.share = nn.Parameter(torch.tensor(0.5))

        def ratio(self, image: Any, masks: Any, soft_tissue: Any) -> Any:
            return self.share.expand_as(image)

        def forward(self, image: Any, masks: Any, soft_tissue: Any = None) -> Any:
            k = torch.full_like(image[:, 0, 0, 0], 0.25) if soft_tissue is None else soft_tissue
            return super().forward(image, masks, k)

    for seed, share in enumerate((0.3, 0.4, 0.6)):
        torch.save({"share": torch.tensor(share)}, tmp_path / f"{seed}.pt")
    paths = [str(tmp_path / f"{seed}.pt") for seed in range(3)]
    methods = other_methods(Share, {"stage 1": paths[0], "ours": paths[1:]})
    assert list(methods) == [
        "stage 1, k given",
        "stage 1",
        "ours, k given, seed 0",
        "ours, k given, seed 1",
        "ours, seed 0",
        "ours, seed 1",
    ]
    rows = {row["method"]: row for row in compared(yardstick, tmp_path, methods).rows}
    one, two = (rows[f"ours, seed {seed}"]["overlap_mae_upper"] for seed in (0, 1))
    group = rows["ours (2 seeds)"]
    assert group["overlap_mae_upper"] == pytest.approx((one + two) / 2, abs=1e-3)
    assert group["overlap_mae_upper_spread"] == pytest.approx(abs(one - two) / math.sqrt(2), abs=1e-3)
    assert group["overlap_mae_upper_from"] is None


def test_all_sets_together_have_a_row_over_all_their_images(release: Path, tmp_path: Path) -> None:
    rows = Comparison(
        joints={part: RealJoints(release, split="test", overlap=part) for part in ("overlap", "nonoverlap")},
        methods={"copy": {"network": CopyImage(), "given": GIVEN}},
        metrics={"step": BorderStep()},
        output_dir=tmp_path,
        name="both",
        together="all of them",
    ).run()
    assert [(row["joints"], row["images"]) for row in rows] == [("overlap", 2), ("nonoverlap", 1), ("all of them", 3)]
    assert rows[1]["step_lower"] is None
    assert rows[2]["step_lower"] == pytest.approx(rows[0]["step_lower"])


def test_a_kind_of_method_that_nobody_knows_is_refused(yardstick: Path, tmp_path: Path) -> None:
    methods = {"equal": {"kind": "rule", "network": EqualSplit(), "given": GIVEN}}
    with pytest.raises(ValueError, match=r"kind of method equal: expected one of image, .*, got 'rule'"):
        compared(yardstick, tmp_path, methods)


def test_the_seeds_of_a_training_are_of_their_kind(yardstick: Path, tmp_path: Path) -> None:
    equal = {"kind": "baseline", "network": EqualSplit(), "given": GIVEN, "group": "split"}
    comparison = compared(yardstick, tmp_path, {"one": equal, "two": equal})
    assert comparison.definitions["split (2 seeds)"]["kind"] == "baseline"

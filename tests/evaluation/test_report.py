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

import hashlib
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from scripts.datasets.test_sets import RealJoints, Yardstick
from scripts.evaluation.brightness import Brightness
from scripts.evaluation.comparison import Comparison
from scripts.evaluation.contact_sheet import gallery
from scripts.evaluation.mask_effect import MaskEffect
from scripts.evaluation.mask_metrics import OnePiece
from scripts.evaluation.metrics import BorderStep, BorderStepRatio, OverlapError
from scripts.evaluation.perturbations import MasksOff, Resampled
from scripts.evaluation.realism import AROUND, CONTROL, Realism
from scripts.evaluation.report import quoted, write_report
from scripts.evaluation.report_parts import cell
from scripts.evaluation.varied_joints import VariedJoints
from scripts.networks.baselines import CopyImage, EqualSplit, HarmonicFill
from scripts.networks.separator import Separator

GIVEN = ["masks", "soft_tissue"]


def errors(*names: str) -> dict[str, OverlapError]:
    return {name: OverlapError() for name in names}


@pytest.fixture(scope="module")
def page(release: Path, yardstick: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("eval")
    known, real = {"drawn": Yardstick(yardstick)}, RealJoints(release, split="test", overlap="overlap")
    apart = RealJoints(release, split="train", overlap="nonoverlap")
    methods = {
        "copy the image": {"kind": "image", "network": CopyImage(), "given": GIVEN},
        "ours <1>": {"network": EqualSplit(), "given": GIVEN},
    }
    steps = {"border_step": BorderStep(), "border_step_ratio": BorderStepRatio()}
    common: dict[str, Any] = {"methods": methods, "output_dir": folder}
    mae = errors("overlap_mae")
    known_layers = Comparison(name="known_layers", joints=known, metrics=mae, thickest=[8, 16], **common)
    perturbed = Comparison(
        name="perturbed",
        joints=known,
        metrics=errors("overlap_mae", "overlap_mae_split_only"),
        inputs={"as it is": None, "masks 1 px too large": MasksOff(pixels=1)},
        **common,
    )
    real_overlaps = Comparison(
        name="real_overlaps", joints={"real": real}, metrics=steps, keep_layers=True, thickest=[8], **common
    )
    real_masks = Comparison(
        name="real_masks", joints={"real": real, "apart": apart}, metrics=steps, together="all", **common
    )
    varied = {"joints, varied": VariedJoints(real)}
    varied_masks = Comparison(name="varied_masks", joints=varied, metrics={"one_piece": OnePiece()}, **common)
    turned = {"turned 15 degrees": Resampled(angle=15.0)}
    resampled = Comparison(name="resampled", joints=known, metrics=mae, inputs=turned, **common)
    for comparison in (known_layers, perturbed, resampled, real_overlaps, real_masks, varied_masks):
        comparison.run()
    effect = MaskEffect(real_overlaps, real, drawn="copy the image", predicted="ours <1>", output_dir=folder)
    effect.run()
    brightness = Brightness(joints={"real": real}, fills={"harmonic": HarmonicFill()}, output_dir=folder)
    realism = Realism(
        comparison=real_overlaps,
        overlapping=real,
        apart=apart,
        yardsticks=known,
        judge=Separator(),
        output_dir=folder / "new",
    )
    brightness.run()
    rows = {row["layers"]: row for row in realism.run()}
    assert set(rows) == {*methods, "true layers, drawn", AROUND, CONTROL}
    assert "auc_lower" not in rows["copy the image"], "two cases are too few to cross-validate"
    assert rows["true layers, drawn"]["patches_upper"] == 2
    weights = folder / "model.pt"
    weights.write_bytes(b"weights")
    sheet = gallery(real_overlaps.layers["real", "ours <1>"], real, folder / "sheet.png", version="9.9")
    write_report(
        known_layers=known_layers,
        perturbed=perturbed,
        resampled=resampled,
        mask_effect=effect,
        real_overlaps=real_overlaps,
        real_masks=real_masks,
        varied_masks=varied_masks,
        brightness=brightness,
        realism=realism,
        sheet=sheet,
        path=folder / "report.html",
        version="9.9",
        weights=weights,
        seed=7,
    )
    return (folder / "report.html").read_text()


def test_a_page_says_what_it_is_made_of_and_that_it_may_not_be_passed_on(page: str) -> None:
    for text in ("may not be passed on", "not a medical device", "BLS-GAN 9.9", "<dd>7</dd>"):
        assert text in page
    assert hashlib.sha256(b"weights").hexdigest() in page


def test_a_page_holds_all_of_its_pictures_and_asks_nothing_of_a_network(page: str) -> None:
    assert page.count("<img") == page.count('src="data:image/') == 7
    assert "http" not in re.sub(r"data:[^\"]*", "", page)


def test_rows_of_networks_are_marked_and_others_are_not(page: str) -> None:
    assert '<tr class="network"><td>ours' in page
    assert '<tr class="network"><td>copy the image' not in page


def test_predicted_masks_are_shown_on_joints_as_they_are_and_varied(page: str) -> None:
    assert "images of the split, as they are." in page
    assert "2 images of the split, each turned, off-centre, coarse and sharpened" in page
    assert "bones in one piece, share" in page


def test_names_of_methods_are_text(page: str) -> None:
    assert "ours &lt;1&gt;" in page
    assert "ours <1>" not in page


def test_a_cell_has_means_intervals_spreads_and_a_dash_where_nothing_was_measured() -> None:
    row = {"e_lower": 1.234, "e_lower_from": 1.0, "e_lower_to": 1.5, "e_upper": None, "e_upper_from": None}
    assert cell(row, "e", 1) == {"mean": "1.2 / \N{EN DASH}", "interval": "1.0 to 1.5"}
    assert cell({"e_lower": 1.0, "e_upper": 2.0, "e_upper_spread": 0.25}, "e", 2)["mean"] == "1.00 / 2.00 ± 0.25"


def test_the_command_can_be_read_and_pasted() -> None:
    assert quoted("--config_file") == "--config_file"
    assert quoted("['a.json','b.json']") == "\"['a.json','b.json']\""
    assert quoted("it's $5") == shlex.quote("it's $5")

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

"""Report of a whole comparison as one HTML file: tables with intervals, plots, the sheet of real joints."""

import hashlib
import io
import logging
import shlex
import sys
from datetime import UTC, datetime
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, select_autoescape
from PIL import Image

from scripts.evaluation import plots
from scripts.evaluation.brightness import Brightness
from scripts.evaluation.comparison import Comparison
from scripts.evaluation.mask_effect import MaskEffect
from scripts.evaluation.realism import Realism
from scripts.evaluation.report_parts import Part, data_uri, drawing, networks_of, table

logger = logging.getLogger(__name__)

KNOWN = {
    "overlap_mae": ("error in the overlap", 2),
    "rim_mae": ("in the rim beside it", 2),
    "overlap_ssim": ("SSIM in the overlap", 3),
    "border_step": ("border step", 1),
    "recomposition_error": ("recomposition error, largest", 1),
}
REAL = {
    "border_step": ("border step", 1),
    "border_step_ratio": ("over the image's own", 2),
    "recomposition_error": ("recomposition error, largest", 1),
}
MASKS = {
    "dice": ("Dice", 3),
    "contour_px": ("outline off, px", 2),
    "hidden_edge_px": ("hidden edge off, px", 2),
    "overlap_dice": ("Dice of the overlap", 3),
    "overlap_recall_precision": ("overlaps found: recall / precision", 2),
    "one_piece": ("bones in one piece, share", 3),
}


def known_section(known_layers: Comparison) -> list[Part]:
    """Return tables and plots of known layers."""
    parts: list[Part] = []
    for where in known_layers.joints:
        rows = [row for row in known_layers.rows if row["joints"] == where and row["overlap"] == "all"]
        title = f"{where}, {rows[0]['images']} joints"
        parts.append(table(rows, "method", KNOWN, networks=networks_of(known_layers), title=title))
    return [
        *parts,
        drawing(
            plots.by_thickness(known_layers),
            "Error in the overlap, mean of both bones, in classes of its thickest column. A dot is the mean, the line "
            "its interval; lower is better. Greys are rules that learn nothing.",
            "By thickness",
        ),
        drawing(
            plots.by_image(known_layers),
            "Every dot is a joint, the bar is the median. A method whose cloud is narrow can be trusted on a new "
            "joint.",
            "Every joint",
        ),
    ]


def perturbed_section(perturbed: Comparison) -> list[Part]:
    """Return plot and tables of perturbations."""
    split_only = {"overlap_mae": ("error in the overlap", 2), "overlap_mae_split_only": ("where masks overlap", 2)}
    parts = [
        drawing(
            plots.by_input(perturbed),
            "What the networks are given is off in one way at a time; the true layers are not. Drawn is the error "
            "where the given masks overlap. Masks that are too small leave some of the true overlap out: there one "
            "layer is the image and the other is nothing, whatever the method; the table counts that in its first "
            "column.",
        )
    ]
    for where in perturbed.joints:
        rows = [
            {**row, "input, method": f"{row['input']}, {row['method']}"}
            for row in perturbed.rows
            if row["joints"] == where and row["overlap"] == "all"
        ]
        parts.append(table(rows, "input, method", split_only, title=f"{where}, {rows[0]['images']} joints"))
    return parts


def resampled_section(resampled: Comparison) -> list[Part]:
    """Return a table for each yardstick, turned and on wider pixels."""
    columns = {"overlap_mae": ("error in the overlap", 2), "rim_mae": ("error in the rim", 2)}
    return [
        table(
            [
                {**row, "input, method": f"{row['input']}, {row['method']}"}
                for row in resampled.rows
                if row["joints"] == where and row["overlap"] == "all"
            ],
            "input, method",
            columns,
            title=where,
        )
        for where in resampled.joints
    ]


def mask_effect_section(mask_effect: MaskEffect) -> list[Part]:
    """Return a table of how far layers move with predicted masks."""
    return [
        table(
            mask_effect.rows,
            "method",
            {"moved": ("mean", 1), "median": ("median", 1)},
            title="Predicted masks",
            text="How far layers move in the drawn overlap, in gray levels, when masks are predicted, not drawn.",
        )
    ]


def real_section(real_overlaps: Comparison) -> list[Part]:
    """Return tables and a plot of the seams of real overlaps."""
    rows = [row for row in real_overlaps.rows if row["overlap"] == "all"]
    images = [name for name, method in real_overlaps.definitions.items() if method["kind"] == "image"]
    order = list(dict.fromkeys(row["overlap"] for row in real_overlaps.rows))
    classes = [
        {**row, "thickest column, method": f"{row['overlap']} ({row['images']}), {row['method']}"}
        for row in sorted(real_overlaps.rows, key=lambda row: order.index(row["overlap"]))
        if row["overlap"] != "all" and real_overlaps.definitions[row["method"]]["kind"] != "baseline"
    ]
    return [
        table(
            rows,
            "method",
            REAL,
            networks=networks_of(real_overlaps),
            text="Nobody knows the layers of real overlaps. What can be seen is whether they recompose, and "
            "whether they jump at the overlap's border: the step between neighbouring pixels across it, and the same "
            "over the image's own step.",
        ),
        table(
            classes,
            "thickest column, method",
            REAL,
            title="By thickness",
            text="In classes of the overlap's thickest column.",
        ),
        drawing(
            plots.dots(
                rows,
                "method",
                {"border_step_both": "layers"},
                "step across the border, gray levels",
                line=next((row["border_step_both"] for row in rows if row["method"] in images), None),
            ),
            "Mean of both bones. The dotted line is the image's own step: layers of bones that thin at their lips "
            "should come near it.",
        ),
    ]


def masks_section(real_masks: Comparison, varied_masks: Comparison) -> list[Part]:
    """Return tables of predicted masks, on joints as they are and varied."""
    texts = {
        real_masks.together: "as they are.",
        **dict.fromkeys(varied_masks.joints, "each turned, off-centre, coarse and sharpened, always in the same way."),
    }
    parts = []
    for comparison, where in (
        (real_masks, real_masks.together),
        *((varied_masks, where) for where in varied_masks.joints),
    ):
        rows = [row for row in comparison.rows if row["joints"] == where and row["overlap"] == "all"]
        text = f"On all {rows[0]['images']} images of the split, {texts[where]}"
        parts.append(table(rows, "method", MASKS, networks=networks_of(comparison), title=where, text=text))
    return parts


def brightness_section(brightness: Brightness) -> list[Part]:
    """Return a plot of the brightness of overlaps."""
    return [
        drawing(
            plots.dots(
                brightness.rows,
                "joints",
                {name: f"{name} surfaces" for name in brightness.fills},
                "expected less observed, gray levels",
            ),
            "Both bones are continued smoothly into the overlap and composed; drawn is by how many gray levels that is "
            "brighter than the image. Overlaps that a network is trained on should lie where real overlaps lie.",
        )
    ]


def realism_section(realism: Realism) -> list[Part]:
    """Return a plot and a table of how well layers are told from single bones."""
    columns = {"auc_lower": "lower bone", "auc_upper": "upper bone"}
    return [
        drawing(
            plots.dots(realism.rows, "layers", columns, "AUC", line=0.5),
            "A classifier tells patches around the overlap, zero outside the bone, from patches of single bones of "
            "other joints at the same place. At 0.5 (dotted) it cannot. Single bones against each other say what the "
            "number is where there is nothing to see; true layers of the yardsticks what it is where every layer is "
            "right.",
        ),
        table(
            realism.rows,
            "layers",
            {"auc": ("AUC", 3), "auc_inside": ("AUC inside the overlap", 3), "frechet": ("Frechet distance", 1)},
            text="Inside the overlap: all else is black, in the single bones' patches as well. "
            "The Frechet distance is between the segmenter's features of the same patches, each in units of its spread "
            "over single bones; it grows with the number of features over the number of patches: compare it with the "
            "controls.",
        ),
    ]


def sheet_section(sheet: str | Path) -> list[Part]:
    """Return the sheet of real joints, a PNG, with its text."""
    stream = io.BytesIO()
    with Image.open(sheet) as picture:
        picture.convert("RGB").save(stream, "JPEG", quality=88)
    text = (
        "The six largest overlaps first, then overlaps of all sizes: the image, the drawn masks, both layers (k left "
        "to the network)."
    )
    return [{"text": text, "picture": data_uri(stream.getvalue(), "image/jpeg")}]


def quoted(word: str) -> str:
    """Quote a word of a command line; single quotes inside it stay readable where a shell allows that."""
    return f'"{word}"' if "'" in word and not set(word) & set('"$`\\!') else shlex.quote(word)


def write_report(
    *,
    known_layers: Comparison,
    perturbed: Comparison,
    resampled: Comparison,
    real_overlaps: Comparison,
    real_masks: Comparison,
    mask_effect: MaskEffect,
    varied_masks: Comparison,
    brightness: Brightness,
    realism: Realism,
    sheet: str | Path,
    path: str | Path,
    version: str,
    weights: str | Path,
    seed: int,
) -> None:
    """Write the report of comparisons that have been run.

    Args:
        known_layers: metrics in the overlap, by thickness.
        perturbed: the same under perturbations.
        resampled: the same turned and on wider pixels.
        real_overlaps: border steps.
        real_masks: predicted masks.
        mask_effect: how far layers move with predicted masks.
        varied_masks: the same on varied joints.
        brightness: of overlaps.
        realism: AUC and Frechet distance.
        sheet: PNG of real joints.
        path: of the HTML file.
        version: of the bundle.
        weights: file whose hash to name.
        seed: to name.
    """
    sections = {
        "Known layers": known_section(known_layers),
        "What a wrong input costs": perturbed_section(perturbed),
        "Turned joints and wider pixels": resampled_section(resampled),
        "Real overlaps": [*real_section(real_overlaps), *mask_effect_section(mask_effect)],
        "Are training overlaps as bright as real ones?": brightness_section(brightness),
        "Can layers be told from single bones?": realism_section(realism),
        "Predicted masks": masks_section(real_masks, varied_masks),
        "Real joints": sheet_section(sheet),
    }
    facts = {
        "weights": f"{weights}, SHA-256 {hashlib.sha256(Path(weights).read_bytes()).hexdigest()}",
        "made": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "command": " ".join(["python", *(quoted(word) for word in sys.orig_argv[1:])]),
        "seed": str(seed),
        "methods": ", ".join(known_layers.methods),
    }
    environment = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=select_autoescape())
    titled = [{"title": title, "parts": parts} for title, parts in sections.items()]
    Path(path).write_text(environment.get_template("report.html").render(version=version, facts=facts, sections=titled))
    logger.info("report: %s", path)

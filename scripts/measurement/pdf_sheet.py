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


"""A4 pages that are filled from top to bottom; lengths in mm from the upper left corner."""

from collections.abc import Collection, Sequence
from functools import lru_cache

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont
from matplotlib.ft2font import FT2Font
from matplotlib.lines import Line2D

from scripts.measurement.report_plots import ACCENT, INK, LINE, QUIET

WIDTH, HEIGHT, INCH, POINT = 210.0, 297.0, 25.4, 25.4 / 72
LEFT, TOP, BOTTOM = 14.0, 14.0, 279.0
CONTENT = WIDTH - 2 * LEFT
LEADING = 1.45
"""Distance of two lines, sizes of the font."""
FONT_SIZE = 100.0
"""Size at which lines are measured, points: large, so that nothing is rounded."""


class Sheet:
    """Pages of a PDF, one after another.

    Args:
        pages: that they are written to.
        foot: words under each page.

    Attributes:
        y: where the next thing goes.
    """

    def __init__(self, pages: PdfPages, foot: str) -> None:
        self.pages, self.foot = pages, foot
        self.number = 0
        self.figure: Figure
        self.y = TOP
        self._begin()

    def _begin(self) -> None:
        self.number += 1
        self.figure = Figure(figsize=(WIDTH / INCH, HEIGHT / INCH))
        self.y = TOP

    def close(self) -> None:
        """Write the page, with its foot."""
        self.rule(BOTTOM + 4, LINE)
        self.at(self.foot, LEFT, BOTTOM + 5.5, size=6.5, colour=QUIET)
        self.at(str(self.number), WIDTH - LEFT, BOTTOM + 5.5, size=6.5, colour=QUIET, right=True)
        self.pages.savefig(self.figure)

    def room(self, height: float) -> None:
        """Begin a new page if there is not so much room on this one."""
        if self.y + height > BOTTOM and self.y > TOP:
            self.close()
            self._begin()

    def at(
        self,
        text: str,
        left: float,
        top: float,
        *,
        size: float = 8.5,
        colour: str = INK,
        bold: bool = False,
        right: bool = False,
    ) -> None:
        """Write one line at a place: its left upper corner, or its right one."""
        self.figure.text(
            left / WIDTH,
            1 - (top + size * POINT) / HEIGHT,
            # A dollar sign would begin a formula.
            text.replace("$", r"\$"),
            fontsize=size,
            color=colour,
            fontweight="bold" if bold else "normal",
            horizontalalignment="right" if right else "left",
            verticalalignment="baseline",
        )

    def words(
        self,
        text: str,
        *,
        left: float = LEFT,
        width: float = CONTENT,
        size: float = 8.5,
        colour: str = INK,
        bold: bool = False,
        after: float = 0.0,
    ) -> None:
        """Write words in as many lines as they take."""
        for line in wrapped(text, width, size, bold):
            step = size * LEADING * POINT
            self.room(step)
            self.at(line, left, self.y, size=size, colour=colour, bold=bold)
            self.y += step
        self.y += after

    def heading(self, text: str, *, room: float) -> None:
        """Write a heading under a line, on a page that has room for what belongs to it."""
        self.room(room + 10)
        if self.y > TOP:
            self.y += 5
            self.rule(self.y, LINE)
            self.y += 3
        self.words(text, size=12, bold=True, after=1.5)

    def notice(self, text: str) -> None:
        """Write words beside a line in the one colour."""
        top = self.y + 1
        self.y += 1
        self.words(text, left=LEFT + 4, width=CONTENT - 4)
        self._line((LEFT + 0.5, LEFT + 0.5), (top, self.y), ACCENT, 2.0)
        self.y += 3

    def sentences(self, sentences: Sequence[str]) -> None:
        """Write sentences, each with a dot before it."""
        if sentences:
            self.y += 2
        for sentence in sentences:
            self.room(4)
            self.at("•", LEFT, self.y, size=8, colour=QUIET)
            self.words(sentence, left=LEFT + 4, width=CONTENT - 4, size=8, after=0.5)

    def table(
        self,
        head: Sequence[str],
        rows: Sequence[Sequence[str]],
        *,
        widths: Sequence[float],
        right: Collection[int] = (),
        bold: Sequence[bool] = (),
    ) -> None:
        """Write a table; ``right`` are columns of numbers, ``bold`` the rows whose words stand out."""
        lefts = [LEFT + sum(widths[:column]) for column in range(len(widths))]
        for number, row in enumerate([head, *rows]):
            cells = [wrapped(cell, width - 4, 8, number == 0) or [""] for cell, width in zip(row, widths, strict=True)]
            height = 8 * LEADING * POINT * max(map(len, cells)) + 1.6
            self.room(height)
            for column, lines in enumerate(cells):
                strong = number == 0 or (column not in right and column > 0 and bold[number - 1])
                for at, line in enumerate(lines):
                    x = lefts[column] + (widths[column] - 4 if column in right else 0)
                    y = self.y + 1 + at * 8 * LEADING * POINT
                    self.at(line, x, y, size=8, bold=strong, right=column in right)
            self.y += height
            self.rule(self.y, INK if number == 0 else LINE)
        self.y += 1

    def picture(self, levels: np.ndarray, left: float, top: float, width: float) -> Axes:
        """Draw a picture, uint8, of a width; return axes whose units are its pixels."""
        rows, columns = levels.shape
        axes = self.axes(left, top, width, width * rows / columns)
        axes.imshow(levels, cmap="gray", vmin=0, vmax=255, interpolation="none", aspect="auto")
        axes.set_axis_off()
        axes.autoscale(False)
        return axes

    def axes(self, left: float, top: float, width: float, height: float) -> Axes:
        """Return axes in a box."""
        return self.figure.add_axes((left / WIDTH, 1 - (top + height) / HEIGHT, width / WIDTH, height / HEIGHT))

    def rule(self, y: float, colour: str) -> None:
        """Draw a thin line across the page."""
        self._line((LEFT, WIDTH - LEFT), (y, y), colour, 0.6)

    def _line(self, across: tuple[float, float], down: tuple[float, float], colour: str, thick: float) -> None:
        x, y = [at / WIDTH for at in across], [1 - at / HEIGHT for at in down]
        self.figure.add_artist(Line2D(x, y, color=colour, linewidth=thick, solid_capstyle="butt"))


def wrapped(text: str, width: float, size: float, bold: bool = False) -> list[str]:
    """Return the lines of words that a width holds; a word that is too long is cut."""
    lines: list[str] = []
    line = ""
    for word in text.split():
        longer = f"{line} {word}".strip()
        if length(longer, size, bold) <= width:
            line = longer
            continue
        if line:
            lines.append(line)
        while length(word, size, bold) > width and len(word) > 1:
            fits = max(1, next((n for n in range(len(word), 0, -1) if length(word[:n], size, bold) <= width), 1))
            lines.append(word[:fits])
            word = word[fits:]
        line = word
    return [*lines, line] if line else lines


@lru_cache(maxsize=4096)
def length(text: str, size: float, bold: bool = False) -> float:
    """Return how long a line is, mm."""
    font = _font(bold)
    font.set_text(text, 0.0)
    return float(font.get_width_height()[0] / 64 * size / FONT_SIZE * POINT)


@lru_cache
def _font(bold: bool) -> FT2Font:
    # One of our own: Matplotlib's change their size when a page is drawn.
    font = FT2Font(findfont(FontProperties(family="DejaVu Sans", weight="bold" if bold else "normal")))
    font.set_size(FONT_SIZE, 72)
    return font

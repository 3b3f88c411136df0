"""Radiologist's desk: OHIF in Chromium, driven with mouse and keys, and its screen."""

import base64
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from playwright.sync_api import Page, Request, expect

from tests.support.waiting import LIMIT, wait_for

FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--use-gl=angle", "--use-angle=swiftshader"),
    "--enable-unsafe-swiftshader",
)
"""Flags of Chromium without a screen: nothing in the background, drawn by the processor."""

PANES = ("original", "upper", "lower")
PANE = """
(id) => window.services?.cornerstoneViewportService?.getCornerstoneViewport(id)
"""


class Desk:
    """Page of the viewer, and all requests that it has sent.

    Args:
        page: of the browser.
        url: of the server.
        pictures: folder for screenshots.
    """

    def __init__(self, page: Page, url: str, pictures: Path) -> None:
        self.page = page
        self.url = url
        self.pictures = pictures
        self.requests: list[str] = []
        self.failures: list[str] = []
        page.on("request", self._note)
        page.on("pageerror", lambda error: self.failures.append(str(error)))
        page.set_default_timeout(LIMIT * 1000)
        expect.set_options(timeout=LIMIT * 1000)

    def _note(self, request: Request) -> None:
        self.requests.append(request.url)

    def open(self, study: str) -> None:
        """Open a study and wait for its radiograph."""
        self.page.goto(f"{self.url}/joints?StudyInstanceUIDs={study}")
        self.until("(pane) => !!pane?.getImageData?.()", "original")
        expect(self.page.get_by_test_id("SeparateBones")).to_be_enabled()
        self.settle()

    def until(self, condition: str, pane: str) -> None:
        """Wait until a function of a pane's Cornerstone viewport returns true."""
        self.page.wait_for_function(f"(id) => ({condition})(({PANE})(id))", arg=pane)

    def of(self, pane: str, function: str) -> Any:
        """Return the result of a function of a pane's Cornerstone viewport."""
        return self.page.evaluate(f"(id) => ({function})(({PANE})(id))", pane)

    def point(self, column: float, row: float, pane: str = "original") -> tuple[float, float]:
        """Return the position of a pixel of a pane's image on the screen."""
        x, y = self.of(
            pane,
            f"""(pane) => {{
                const {{ left, top }} = pane.canvas.getBoundingClientRect();
                const world = pane.getImageData().imageData.indexToWorld([{column}, {row}, 0]);
                const [x, y] = pane.worldToCanvas([...world]);
                return [left + x, top + y];
            }}""",
        )
        return x, y

    def middle(self, pane: str) -> tuple[float, float]:
        """Return the middle of a pane on the screen."""
        x, y = self.of(
            pane,
            """(pane) => {
                const box = pane.canvas.getBoundingClientRect();
                return [box.left + box.width / 2, box.top + box.height / 2];
            }""",
        )
        return x, y

    def mark(self, *joints: dict[str, float]) -> None:
        """Click joints; press the button in the toolbar before the first one."""
        if not self.page.get_by_test_id("bls-gan-bar").count():
            self.page.get_by_test_id("SeparateBones").click()
        expect(self.page.get_by_test_id("bls-gan-bar")).to_be_visible()
        for joint in joints:
            self.page.mouse.click(*self.point(joint["x"], joint["y"]))
            # Two clicks at once would be a double click.
            self.page.wait_for_timeout(400)

    def separate(self, *joints: dict[str, float]) -> None:
        """Mark joints, separate them, and wait for the layers."""
        before = self.times_shown()
        self.mark(*joints)
        self.page.get_by_test_id("bls-gan-separate").click()
        self.wait_shown(before + 1)

    def times_shown(self) -> int:
        """Return how often layers have come onto the screen."""
        return self.page.evaluate("performance.getEntriesByName('bls-gan:shown').length")

    def wait_shown(self, times: int) -> None:
        """Wait until layers have come onto the screen, and until their masks are over the original."""
        self.page.wait_for_function(
            "(times) => performance.getEntriesByName('bls-gan:shown').length >= times", arg=times
        )
        self.wait_masks()

    def wait_masks(self) -> None:
        """Wait until masks are over the original."""
        self.page.wait_for_function(
            "() => window.services.segmentationService.getSegmentationRepresentations('original').length === 1"
        )
        expect(self.page.get_by_test_id("bls-gan-again")).to_be_enabled()

    def seconds(self) -> dict[str, float]:
        """Return the seconds from the last request to its answer, and to the layers on the screen."""
        marks: dict[str, float] = self.page.evaluate(
            """Object.fromEntries(['asked', 'answered', 'shown'].map(name =>
                [name, performance.getEntriesByName(`bls-gan:${name}`).at(-1).startTime / 1000]))"""
        )
        return {name: marks[name] - marks["asked"] for name in ("answered", "shown")}

    def image(self, pane: str) -> str:
        """Return the SOP Instance UID of a pane's image."""
        uid: str = self.of(pane, "(pane) => pane.getCurrentImageId().match(/instances.([^/]+)/)[1]")
        return uid

    def stored_values(self, pane: str) -> np.ndarray:
        """Return the pixels of a pane's image as the browser has decoded them."""
        size, values = self.of(
            pane,
            """(pane) => {
                const { dimensions, scalarData } = pane.getImageData();
                return [dimensions, Array.from(scalarData)];
            }""",
        )
        return np.array(values).reshape(size[1], size[0])

    def screen(self, pane: str) -> np.ndarray:
        """Return a pane's picture, RGB 0..255, without the elements over it."""
        url = self.of(pane, "(pane) => { pane.render(); return pane.canvas.toDataURL('image/png') }")
        picture = Image.open(io.BytesIO(base64.b64decode(url.split(",", 1)[1]))).convert("RGB")
        return np.asarray(picture).astype(float)

    def looks_at(self, pane: str) -> dict[str, Any]:
        """Return column and row in the middle of a pane, zoom in screen px a pixel, window and inversion."""
        found: dict[str, Any] = json.loads(
            self.of(
                pane,
                """(pane) => {
                    const { focalPoint, parallelScale } = pane.getCamera();
                    const { imageData, spacing } = pane.getImageData();
                    const { voiRange, invert } = pane.getProperties();
                    return JSON.stringify({
                        middle: [...imageData.worldToIndex(focalPoint)].slice(0, 2),
                        zoom: pane.canvas.clientHeight / 2 / parallelScale * spacing[1],
                        window: [voiRange.lower, voiRange.upper],
                        invert,
                    });
                }""",
            )
        )
        return found

    def activate(self, pane: str) -> None:
        """Make a pane the active one: OHIF uses the first click on another pane for this alone."""
        x, y = self.middle(pane)
        self.page.mouse.click(x, y)
        self.settle()

    def drag(self, pane: str, across: float, down: float, button: Any = "left") -> None:
        """Drag from the middle of a pane."""
        self.drag_between(self.middle(pane), (self.middle(pane)[0] + across, self.middle(pane)[1] + down), button)

    def drag_between(self, start: tuple[float, float], end: tuple[float, float], button: Any = "left") -> None:
        """Drag as a hand does: slowly enough for the viewer to see where it goes."""
        self.page.mouse.move(*start)
        self.page.mouse.down(button=button)
        self.page.wait_for_timeout(150)
        for step in range(1, 9):
            x, y = (a + (b - a) * step / 8 for a, b in zip(start, end, strict=True))
            self.page.mouse.move(x, y)
            self.page.wait_for_timeout(50)
        self.page.mouse.up(button=button)
        self.settle()

    def series(self) -> list[str]:
        """Return the names in the study panel, with the segmentations."""
        texts: list[str] = self.page.evaluate(
            """window.services.displaySetService.getActiveDisplaySets()
                .map(({ Modality, SeriesDescription }) => `${Modality} ${SeriesDescription}`)"""
        )
        return sorted(texts)

    def measurements(self) -> list[str]:
        """Return the texts of the measurements, in the order in which they were drawn."""
        texts: list[str] = self.page.evaluate(
            "window.services.measurementService.getMeasurements().map(({ displayText }) => displayText.primary[0])"
        )
        return texts

    def says(self, text: str) -> None:
        """Wait for a notification with a text."""
        expect(self.page.locator("[data-sonner-toast]", has_text=text).first).to_be_visible()

    def picture(self, name: str) -> Path:
        """Take a screenshot; return its file."""
        self.pictures.mkdir(parents=True, exist_ok=True)
        path = self.pictures / f"{name}.png"
        self.page.screenshot(path=path)
        return path

    def settle(self) -> None:
        """Wait until what the page draws stays the same for half a second."""
        drawn: list[str] = []

        def still() -> bool:
            self.page.wait_for_timeout(500)
            drawn.append(
                self.page.evaluate("[...document.querySelectorAll('canvas')].map(each => each.toDataURL()).join()")
            )
            return drawn[-1:] == drawn[-2:-1]

        wait_for(still)

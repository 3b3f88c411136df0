"""Report on drawn joints at two visits, with widths and changes as if they had been measured."""

from functools import cache

import numpy as np

from scripts.dicom.provenance import Software
from scripts.measurement.joint_series import Change, JointSeries, Visit, Width
from scripts.measurement.report import Overview, Report, VisitPictures
from scripts.phantoms.joint import draw_joint

DATES = ("20240105", "20250212", "20260310")
ORIGIN = (40, 30)
SOFTWARE = Software(version="9.9", weights_sha256="ab" * 32)


def levels(gray) -> np.ndarray:
    """Gray levels 0..1 as 0..255."""
    return (np.asarray(gray) * 255).round().astype(np.uint8)


def width(px: float, size: int) -> Width:
    """A width of ``px`` in the middle of a joint, a little less beside it."""
    places = np.linspace(-0.3 * size, 0.3 * size, 25)
    middle = (ORIGIN[0] + size / 2, ORIGIN[1] + size / 2)
    curve = [(float(place), float(px * (1 - 0.15 * (place / size / 0.3) ** 2))) for place in places]
    upper = [(middle[0] - each / 2 - abs(place) * 0.1, middle[1] + place) for place, each in curve]
    lower = [(row + each, column) for (row, column), (_, each) in zip(upper, curve, strict=True)]
    least = min(range(len(curve)), key=lambda at: curve[at][1])
    return Width(
        mean=px,
        minimum=curve[least][1],
        minimum_line=(upper[least], lower[least]),
        curve=curve,
        upper_line=upper,
        lower_line=lower,
        standard_error=0.5,
    )


@cache
def pictures(seed: int, size: int, overlap: float) -> VisitPictures:
    """A drawn joint and its true layers."""
    drawn = draw_joint(seed, size=size, overlap=overlap)
    return VisitPictures(original=levels(drawn.image[0]), layers=levels(drawn.layers), origin=ORIGIN)


def joint(name: str, count: int, size: int, spacing: float | None, seed: int) -> tuple[JointSeries, list]:
    """A joint, 1.5 px narrower at each visit, the last of three refused; its pictures."""
    visits, own = [], []
    for number in range(count):
        refused = "joint space width: expected two bones, got one" if number == 2 else ""
        visits.append(
            Visit(
                image=f"visit_{number}.dcm",
                date=DATES[number],
                spacing=spacing,
                rests_on="at the detector" if spacing else "",
                centre=(ORIGIN[0] + size / 2, ORIGIN[1] + size / 2),
                confidence=0.97 if number else None,
                width=None if refused else width((17.0 - 1.5 * number) * size / 256, size),
                refused=refused,
                warnings=("overlap of 9 px: the width is less sure",) if number == 1 else (),
                sop_class_uid="1.2.840.10008.5.1.4.1.1.1",
                sop_instance_uid=f"1.2.3.{number}",
                study_uid=f"1.2.4.{number}",
            )
        )
        own.append(None if refused else pictures(seed, size, 2.0 + 3 * number))
    changes = []
    for first, second in [(0, 1), (1, 2), (0, 2)][: 3 if count > 2 else count - 1]:
        if second == 2:
            changes.append(Change(first=first, second=second, refused="the second visit was not separated"))
            continue
        mm = None if spacing is None else -1.5 * spacing
        error = None if spacing is None else 0.3 * spacing
        measured = {"px": -1.5, "mm": mm, "standard_error": 0.3, "standard_error_mm": error, "reliability": 0.88}
        changes.append(Change(first=first, second=second, **measured))
    return JointSeries(subject="P-17", side="right", joint=name, visits=visits, changes=changes), own


@cache
def overview(number: int) -> Overview:
    """A radiograph at one visit, half as large: a drawn joint, which is quicker to draw than a hand."""
    return Overview(
        image=f"visit_{number}.dcm",
        date=DATES[number],
        side="right",
        picture=levels(draw_joint(9, size=(160, 128), overlap=4.0).image[0]),
        step=2.0,
        joints={f"MCP{finger}": (160.0, 40.0 * finger) for finger in range(1, 6)},
    )


def drawn_report(
    names: tuple[str, ...] = ("MCP2", "MCP3"),
    count: int = 2,
    size: int = 128,
    spacing: float | None = 0.09,
    **more,
) -> Report:
    """A report on the joints of one hand."""
    made = [joint(name, count, size, spacing, seed) for seed, name in enumerate(names)]
    overviews = [overview(number) for number in range(count)]
    settings = {
        "subject": "P-17",
        "series": [series for series, _ in made],
        "pictures": [own for _, own in made],
        "overviews": overviews,
        "software": SOFTWARE,
        "refused": ("lateral.dcm: expected a hand from the front, got another view",),
    }
    return Report(**{**settings, **more})

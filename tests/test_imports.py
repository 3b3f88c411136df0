"""The rooms of the house: who may import whom (see CONTRIBUTING.md)."""

import ast
import subprocess
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

FLOORS = (
    {"scripts.physics", "scripts.errors"},
    {"scripts.files"},
    {"scripts.networks", "scripts.datasets", "scripts.phantoms", "scripts.dicom"},
    {"scripts.training", "scripts.inference"},
    {"scripts.measurement"},
    {"scripts.reference", "scripts.evaluation"},
    {"scripts.reading_test"},
    {"serving"},
    {"tests"},  # what tests share
    {"benchmarks"},
)
"""Rooms from the ground up; an import points to the same floor or to one below."""

FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}


def room_of(module: str) -> str:
    return ".".join(module.split(".")[: 2 if module.startswith("scripts.") else 1])


def imported(source: str) -> list[tuple[int, str]]:
    """Line and module of every import of the project's own rooms, those inside functions too."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module:
            found += [(node.lineno, f"{node.module}.{name.name}") for name in node.names]
        elif isinstance(node, ast.Import):
            found += [(node.lineno, name.name) for name in node.names]
    return [(line, module) for line, module in found if room_of(module) in FLOOR]


def sources() -> dict[str, str]:
    """Text of every Python file of the rooms, by its path."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.py"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    rooms = ("scripts/", "serving/", "benchmarks/")
    paths = [path for path in listed.stdout.splitlines() if path.startswith(rooms) and (ROOT / path).is_file()]
    return {path: (ROOT / path).read_text() for path in paths if "stand_ins" not in path}


def upward(files: dict[str, str]) -> list[str]:
    """Imports that point upwards, by file and line."""
    found = []
    for path, source in files.items():
        room = room_of(path.removesuffix(".py").replace("/", "."))
        for line, module in imported(source):
            if FLOOR[room_of(module)] > FLOOR[room]:
                found.append(f"{path}:{line} imports {module}, which is above {room}")
    return found


def mutual(files: dict[str, str]) -> list[str]:
    """Pairs of rooms that import each other, training and inference counting as one that does if either imports."""
    edges = defaultdict(list)
    for path, source in files.items():
        room = room_of(path.removesuffix(".py").replace("/", "."))
        for line, module in imported(source):
            if room_of(module) != room:
                edges[room, room_of(module)].append(f"{path}:{line}")
    apart = {("scripts.training", "scripts.inference"), ("scripts.inference", "scripts.training")}
    return [
        f"{one} imports {other} at {', '.join(places)}"
        for (one, other), places in edges.items()
        if (other, one) in edges or (one, other) in apart
    ]


def test_no_import_points_upwards():
    assert upward(sources()) == []


def test_no_two_rooms_import_each_other():
    assert mutual(sources()) == []


def test_every_room_has_a_floor_and_nothing_else_lies_loose_in_scripts():
    loose = {path for path in sources() if path.startswith("scripts/") and path.count("/") == 1}
    assert loose == {"scripts/__init__.py", "scripts/physics.py", "scripts/errors.py", "scripts/files.py"}
    rooms = {room_of(path.removesuffix(".py").replace("/", ".")) for path in sources()} - {"scripts.__init__"}
    assert rooms <= FLOOR.keys()


@pytest.mark.parametrize(
    ("path", "source", "says"),
    [
        (
            "scripts/physics.py",
            "from scripts.networks.unet import UNet",
            "scripts/physics.py:1 imports scripts.networks",
        ),
        ("scripts/dicom/a.py", "def f():\n    import serving.bundle", "scripts/dicom/a.py:2 imports serving.bundle"),
    ],
)
def test_an_import_that_is_turned_round_is_named(path, source, says):
    [found] = upward({path: source})
    assert found.startswith(says)


def test_training_and_inference_do_not_import_each_other():
    assert mutual({"scripts/training/a.py": "from scripts.inference import split"}) == [
        "scripts.training imports scripts.inference at scripts/training/a.py:1"
    ]

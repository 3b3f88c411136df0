"""Tests of label maps that clients send and get."""

import gzip
import os
import time
from types import SimpleNamespace

import numpy as np
import pytest

from scripts.errors import InputError
from serving import label_map


@pytest.fixture
def radiograph():
    """Return a stand-in for a radiograph: 30 rows, 20 columns, 0.2 x 0.1 mm."""
    return SimpleNamespace(levels=np.zeros((30, 20), np.int32), spacing=(0.2, 0.1))


@pytest.fixture
def labels():
    drawn = np.zeros((30, 20), np.uint8)
    drawn[2:9, 3:5], drawn[20:25, 10:18], drawn[5, 4] = 2, 1, 3
    return drawn


@pytest.mark.parametrize("suffix", label_map.VOLUMES)
def test_a_label_map_comes_back_as_it_was_written(tmp_path, radiograph, labels, suffix):
    path = tmp_path / f"label{suffix}"
    label_map.write(labels, path, radiograph)
    assert (label_map.read(path, radiograph) == labels).all()


@pytest.mark.parametrize(("name", "pack"), [("label.bin", bytes), ("label.bin.gz", gzip.compress)])
def test_bytes_are_read_row_by_row(tmp_path, radiograph, labels, name, pack):
    (tmp_path / name).write_bytes(pack(labels.tobytes()))
    assert (label_map.read(tmp_path / name, radiograph) == labels).all()


def test_a_label_map_of_another_image_is_refused_before_its_pixels_are_read(tmp_path, radiograph):
    other = SimpleNamespace(levels=np.zeros((20, 30)), spacing=(1.0, 1.0))
    label_map.write(np.ones((20, 30), np.uint8), tmp_path / "label.nrrd", other)
    with pytest.raises(InputError, match="expected 20 columns x 30 rows, got 30 x 20 x 1"):
        label_map.read(tmp_path / "label.nrrd", radiograph)


def test_a_bomb_is_not_unpacked(tmp_path, radiograph):
    (tmp_path / "label.bin.gz").write_bytes(gzip.compress(bytes(50_000_000)))
    with pytest.raises(InputError, match=r"expected 600 bytes .*, got more than 600 bytes"):
        label_map.read(tmp_path / "label.bin.gz", radiograph)


@pytest.mark.parametrize(
    "end", [lambda: os._exit(1), lambda: time.sleep(60), lambda: np.ones(2**40)], ids=["dies", "hangs", "big"]
)
def test_a_reader_that_dies_or_hangs_or_takes_all_memory_costs_one_refusal(tmp_path, radiograph, monkeypatch, end):
    monkeypatch.setattr(label_map, "SLOWEST", 0.5)
    monkeypatch.setattr(label_map, "read_label_map", lambda *_: end())
    (tmp_path / "label.dcm").touch()
    with pytest.raises(InputError, match=r"label.dcm: cannot be read, or takes too much memory or time"):
        label_map.read(tmp_path / "label.dcm", radiograph)

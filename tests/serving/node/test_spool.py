"""Tests of the spool."""

import errno
import stat

import pytest

from serving.node.spool import Spool
from tests.support.dicom_sources import source


def test_results_come_back_in_their_order_and_new_ones_take_the_place_of_former(tmp_path):
    spool = Spool(tmp_path / "spool")
    objects = [source(), source()]
    for number, each in enumerate(objects):
        each.InstanceNumber = number
    spool.keep_results("a", [source()] * 3)
    spool.keep_results("a", objects)
    assert [each.InstanceNumber for each in spool.results("a")] == [0, 1]
    assert spool.results("b") == []


def test_of_results_that_cannot_be_written_nothing_stays(tmp_path, monkeypatch):
    def fills(path, content):
        if path.name == "001.dcm":
            raise OSError(errno.ENOSPC, "No space left on device")
        path.write_bytes(content)

    spool = Spool(tmp_path / "spool")
    monkeypatch.setattr("serving.node.spool.write_private_durably", fills)
    with pytest.raises(OSError, match="No space left"):
        spool.keep_results("a", [source()] * 3)
    assert list(spool.derived.iterdir()) == []


def test_what_a_crash_has_left_is_swept_and_what_is_in_the_journal_stays(tmp_path):
    spool = Spool(tmp_path / "spool")
    for name in ("known", "lost"):
        spool.keep(name, b"source")
        spool.keep_results(name, [source()])
    (spool.sources / ".known.1.partial").write_bytes(b"half")
    spool.sweep({"known"})
    assert sorted(path.name for path in (tmp_path / "spool").rglob("*") if path.is_file()) == ["000.dcm", "known"]


def test_files_are_for_their_owner_alone(tmp_path):
    spool = Spool(tmp_path / "spool")
    spool.keep("a", b"source")
    assert stat.S_IMODE(spool.path("a").stat().st_mode) == 0o600
    assert stat.S_IMODE(spool.sources.stat().st_mode) == 0o700

"""Tests of files and folders that only their owner may read."""

import stat

import pytest

from serving.private_files import private_folder, write_private


def rights(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_a_folder_is_closed_to_others_also_if_it_was_open(tmp_path):
    assert rights(private_folder(tmp_path / "new" / "folder")) == 0o700
    (tmp_path / "old").mkdir(mode=0o755)
    assert rights(private_folder(tmp_path / "old")) == 0o700


def test_a_folder_that_all_share_stays_as_it_is(tmp_path):
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared").chmod(0o1777)
    assert rights(private_folder(tmp_path / "shared")) == 0o777 | stat.S_ISVTX


@pytest.mark.parametrize("before", [None, 0o644])
def test_a_file_is_closed_to_others_before_it_is_written(tmp_path, before):
    path = tmp_path / "config"
    if before:
        path.write_text("old")
        path.chmod(before)
    write_private(path, "secret")
    assert (rights(path), path.read_text()) == (0o600, "secret")

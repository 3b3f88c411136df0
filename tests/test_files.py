import os

import pytest

from scripts.errors import InputError
from scripts.files import prepare_output, whole_or_nothing


def test_a_folder_that_cannot_be_put_in_place_does_not_lose_the_old_one(tmp_path, monkeypatch):
    whole_or_nothing(tmp_path / "a", lambda folder: (folder / "old").touch())
    move = os.replace

    def fail_the_second(source, target):
        if target == tmp_path / "a" and "replaced" not in str(source):
            raise OSError("no space left")
        move(source, target)

    monkeypatch.setattr(os, "replace", fail_the_second)
    with pytest.raises(OSError, match="no space left"):
        whole_or_nothing(tmp_path / "a", lambda folder: (folder / "new").touch())
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["old"]
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_the_output_folder_is_made_and_left_clean(tmp_path):
    prepare_output(tmp_path / "new" / "results")
    assert list((tmp_path / "new" / "results").iterdir()) == []


def test_an_output_folder_that_cannot_be_written_to_is_refused_with_the_reason(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"output_dir .*file/results: cannot be written to \(Not a directory\)"):
        prepare_output(tmp_path / "file" / "results")
    with pytest.raises(InputError, match=r"cannot be written to \(File exists\)"):
        prepare_output(tmp_path / "file")

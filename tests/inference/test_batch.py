import json
import logging
import os
import sys

import pytest
import torch
from ignite.engine import Events
from monai.engines import SupervisedEvaluator
from torch import nn

from scripts.errors import InputError
from scripts.inference.batch import Batch, ImageSeparation, Outcome, check_job, list_images, log_summary
from scripts.inference.handlers import WeightsLoader
from scripts.inference.inferer import SeparationInferer
from scripts.inference.pipeline import Pipeline
from tests.support.dicom_sources import SPACING, source, write
from tests.support.drawn import joint
from tests.support.proposing import Proposes


class Fails(Proposes):
    """Raises with the patient's name, as a library might."""

    def propose(self, image):
        raise ValueError("SECRETNAME")


def job(dataset_dir, output_dir, network=None, joints=None, **settings):
    pipeline = Pipeline(network or Proposes(), SeparationInferer(), version="1")
    evaluator = SupervisedEvaluator(
        device=torch.device("cpu"),
        val_data_loader=list_images(dataset_dir, joints),
        network=pipeline.network,
        iteration_update=ImageSeparation(pipeline, output_dir, **settings),
    )
    return Batch(evaluator, evaluator.data_loader)


@pytest.fixture
def folder(tmp_path):
    """Two whole small radiographs, one of them a folder deeper, and what is no radiograph."""
    write(source(kind="DX"), tmp_path / "in" / "one.dcm")
    write(source(kind="CR"), tmp_path / "in" / "deeper" / "two.dcm")
    write(source(kind="DX", Modality="CT"), tmp_path / "in" / "ct.dcm")
    (tmp_path / "in" / "notes.txt").write_text("words")
    return tmp_path / "in"


def status(batch):
    try:
        batch.run()
    except SystemExit as ended:
        return ended.code
    return 0


def files_in(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


NAMES = {"figures.json", "segmentation.dcm", "joint_upper.dcm", "joint_lower.dcm", "joint_sheet.png"}


def test_radiographs_are_found_below_the_folder_and_others_skipped_with_a_count(folder, tmp_path, caplog):
    with caplog.at_level(logging.INFO):
        assert status(job(folder, tmp_path / "out")) == 0
    assert set(files_in(tmp_path / "out")) == {f"{where}/{name}" for where in ("one", "deeper/two") for name in NAMES}
    assert "2 separated, 0 refused, 1 skipped: 1 modality CT" in caplog.messages


def test_each_image_is_separated_once(folder, tmp_path):
    batch, images = job(folder, tmp_path / "out", resume=False), []
    batch.evaluator.add_event_handler(
        Events.ITERATION_COMPLETED, lambda engine: images.append(engine.state.output.name)
    )
    assert status(batch) == 0
    assert images == ["ct", "deeper/two", "one"]


def test_a_second_run_skips_what_is_done_and_does_what_is_missing(folder, tmp_path, caplog):
    status(job(folder, tmp_path / "out"))
    before = files_in(tmp_path / "out")
    (tmp_path / "out" / "one" / "figures.json").unlink()
    (tmp_path / "out" / ".one.123.partial").mkdir()
    caplog.clear()
    with caplog.at_level(logging.INFO):
        assert status(job(folder, tmp_path / "out")) == 0
    assert "1 separated, 0 refused, 2 skipped: 1 done before, 1 modality CT" in caplog.messages
    assert files_in(tmp_path / "out") == before
    assert not list((tmp_path / "out").glob(".*"))


def test_all_is_done_again_for_other_joints_another_version_or_if_asked(folder, tmp_path, caplog):
    status(job(folder, tmp_path / "out"))
    caplog.clear()
    with caplog.at_level(logging.INFO):
        status(job(folder, tmp_path / "out", resume=False))
        status(job(folder / "one.dcm", tmp_path / "out", joints=[[0, 0, 100, 120]]))
        assert status(job(folder / "one.dcm", tmp_path / "out", joints=[[0, 0, 100, 120]])) == 0
    assert [line for line in caplog.messages if "refused" in line] == [
        "2 separated, 0 refused, 1 skipped: 1 modality CT",
        "1 separated, 0 refused",
        "0 separated, 0 refused, 1 skipped: 1 done before",
    ]


def test_a_bad_file_is_refused_by_name_and_the_others_are_done(folder, tmp_path, caplog):
    (folder / "empty.dcm").touch()
    os.symlink(folder / "loop.dcm", folder / "loop.dcm")
    os.symlink(folder, folder / "again")
    large = write(source(levels=joint(500, 420, 12)[0]), folder / "large.dcm")
    before = large.read_bytes()
    with caplog.at_level(logging.INFO):
        assert status(job(folder, tmp_path / "out")) == 1
    refused = sorted(line for line in set(caplog.messages) if line.startswith("refused"))
    assert refused == [
        "refused empty.dcm: an empty file, 0 bytes",
        "refused large.dcm: 500 rows x 420 columns, more than one joint: name its joints in a joints.csv beside it "
        "(image,joint,x,y) or by --joints '[[x,y],...]'",
        "refused loop.dcm: cannot be read (Too many levels of symbolic links)",
    ]
    assert "2 separated, 3 refused, 1 skipped: 1 modality CT" in caplog.messages
    assert large.read_bytes() == before
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["deeper", "one"]


def test_a_failure_is_told_without_the_words_of_the_header(folder, tmp_path, caplog, capsys):
    with caplog.at_level(logging.INFO):
        assert status(job(folder, tmp_path / "out", Fails())) == 1
    assert "refused deeper/two: could not be separated (ValueError)" in caplog.messages
    assert "refused one: could not be separated (ValueError)" in caplog.messages
    assert "SECRETNAME" not in caplog.text


def test_nothing_is_left_of_a_radiograph_that_cannot_be_stored(folder, tmp_path, caplog):
    def store(objects):
        assert len(objects) == 3
        raise InputError("the archive is away")

    with caplog.at_level(logging.INFO):
        assert status(job(folder, tmp_path / "out", store=store)) == 1
    assert "refused the archive is away" in caplog.messages
    assert not files_in(tmp_path / "out")


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (OSError(28, "No space left on device"), "its results cannot be written (No space left on device)"),
        (KeyError("SECRETNAME"), "could not be separated (KeyError)"),
    ],
)
def test_what_goes_wrong_while_results_are_written_is_a_refusal(folder, tmp_path, caplog, error, says):
    def store(objects):
        raise error

    with caplog.at_level(logging.INFO):
        assert status(job(folder / "one.dcm", tmp_path / "out", store=store)) == 1
    assert f"refused one: {says}" in caplog.messages
    assert "SECRETNAME" not in caplog.text


def test_nothing_to_separate_is_status_1(tmp_path, caplog):
    write(source(Modality="MR"), tmp_path / "in" / "mr.dcm")
    with caplog.at_level(logging.INFO):
        assert status(job(tmp_path / "in", tmp_path / "out")) == 1
    assert "0 separated, 0 refused, 1 skipped: 1 modality MR" in caplog.messages


def test_a_terminal_gets_a_bar_and_no_line_an_image(folder, tmp_path, caplog, monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with caplog.at_level(logging.INFO):
        status(job(folder, tmp_path / "out"))
    assert "images: 100%" in capsys.readouterr().err
    assert not [line for line in caplog.messages if " of 3: " in line]


def test_figures_tell_the_source_the_region_and_the_overlap_in_mm(folder, tmp_path):
    status(job(folder / "one.dcm", tmp_path / "out"))
    figures = json.loads((tmp_path / "out" / "one" / "figures.json").read_text())
    assert figures["source"] == "one.dcm"
    assert figures["spacing_from"] == "ImagerPixelSpacing"
    [only] = figures["joints"]
    assert only["box"] == [0, 0, 160, 200]
    assert only["overlap_mm2"] == pytest.approx(only["overlap_px"] * SPACING[0] * SPACING[1], abs=1e-3)
    assert only["outside_zone_exact"]
    assert only["largest_recomposition_error_levels"] <= 1
    assert "Drawn" not in json.dumps(figures)


def test_more_sheets_than_fit_a_screen_are_not_listed(caplog):
    few = Outcome("a", sheets=("a.png", "b.png"))
    with caplog.at_level(logging.INFO):
        log_summary([few])
        log_summary([few] * 11)
    assert caplog.messages == [
        "1 separated (2 joints), 0 refused",
        "sheet a.png",
        "sheet b.png",
        "11 separated (22 joints), 0 refused",
    ]


def test_processes_side_by_side_are_refused_on_a_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    with pytest.raises(SystemExit, match="workers: expected 0 on a GPU, which one process fills, got 2"):
        Batch(None, [], workers=2)


def test_processes_of_torchrun_are_refused_as_each_would_do_all(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(SystemExit, match=r"torchrun: expected one process, got 2; for many: --workers or --scheduler"):
        Batch(None, [])


def test_weights_are_loaded_once(tmp_path):
    network = nn.Linear(1, 1)
    torch.save(network.state_dict(), tmp_path / "model.pt")
    loader = WeightsLoader(network, tmp_path / "model.pt")
    loader(None)
    (tmp_path / "model.pt").unlink()
    loader(None)


def test_a_job_without_images_or_output_ends_with_a_sentence(tmp_path):
    with pytest.raises(SystemExit, match="no such folder"):
        list_images(tmp_path / "gone")
    (tmp_path / "file").touch()
    with pytest.raises(SystemExit, match="cannot be written to"):
        check_job([], tmp_path / "file")


def test_layers_of_a_kind_that_nobody_knows_are_refused_before_anything_is_written(tmp_path):
    with pytest.raises(SystemExit, match="layers: expected one of in_tissue, masked, got 'both'"):
        check_job([], tmp_path / "out", layers="both")
    assert not (tmp_path / "out").exists()

"""Archives in many processes: a cluster of two workers, started once, by whose scheduler the jobs go."""

import logging
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import dask
import pytest
from monai.bundle import ConfigParser

from scripts.errors import InputError
from scripts.inference.batch import Batch, list_images
from scripts.inference.cluster import _check, _sent, local_cluster, separate_all
from scripts.inference.job import Job
from tests.support.dicom_sources import source, write
from tests.support.drawn import joint

ROOT = Path(__file__).parents[2]
VERSION = ConfigParser.load_config_file(str(ROOT / "metadata.json"))["version"]


@pytest.fixture(scope="module")
def scheduler():
    """Address of a cluster of two processes."""
    with local_cluster(2) as cluster:
        yield cluster.scheduler_address


@pytest.fixture
def folder(tmp_path):
    """Five small radiographs, one of them square, and a file that is none."""
    for number in range(4):
        write(source(levels=joint(100 + 10 * number, 90, 12)[0]), tmp_path / "in" / f"{number}.dcm")
    write(source(levels=joint(90, 90, 12)[0]), tmp_path / "in" / "square.dcm")
    (tmp_path / "in" / "empty.dcm").touch()
    return tmp_path / "in"


def described(output_dir, network="Proposes", **arguments):
    options = {
        "output_dir": str(output_dir),
        "network_def": {"_target_": f"tests.support.proposing.{network}", **arguments},
        "weights": None,
        "handlers": [],
        "backend": "torch",
        "device": "cpu",
    }
    return Job(config=str(ROOT / "configs" / "inference.json"), options=options, version=VERSION)


def run(folder, job, **where):
    """Run a job as a batch; the exit status, or the sentence of a refusal."""
    with job.started() as started:
        evaluator = started.evaluator()
    try:
        Batch(evaluator, list_images(folder), job=job, **where).run()
    except SystemExit as ended:
        return ended.code
    return 0


def files_in(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_two_workers_write_what_one_process_writes_and_say_the_same(scheduler, folder, tmp_path, caplog):
    with caplog.at_level(logging.INFO):
        assert run(folder, described(tmp_path / "one")) == 1
        said = [line for line in caplog.messages if "refused" in line]
        caplog.clear()
        assert run(folder, described(tmp_path / "many"), scheduler=scheduler) == 1
    assert said == ["5 separated, 1 refused", "refused empty.dcm: an empty file, 0 bytes"]
    assert [line for line in caplog.messages if "refused" in line] == said
    assert files_in(tmp_path / "one") == files_in(tmp_path / "many")
    assert len(files_in(tmp_path / "many")) == 25


def test_what_is_done_is_not_done_again(scheduler, folder, tmp_path, caplog):
    run(folder, described(tmp_path / "out"), scheduler=scheduler)
    with caplog.at_level(logging.INFO):
        run(folder, described(tmp_path / "out"), scheduler=scheduler)
    assert "0 separated, 1 refused, 5 skipped: 5 done before" in caplog.messages


def test_nothing_is_lost_and_nothing_doubled_when_a_worker_dies(scheduler, folder, tmp_path, caplog):
    with caplog.at_level(logging.INFO):
        job = described(tmp_path / "out", "Kills", once=str(tmp_path / "died"))
        (tmp_path / "died").touch()  # not in this process
        with job.started() as started:
            evaluator = started.evaluator()
        (tmp_path / "died").unlink()
        with pytest.raises(SystemExit):
            Batch(evaluator, list_images(folder), job=job, scheduler=scheduler).run()
    assert (tmp_path / "died").exists()
    # An image whose answer was lost with the process is found done.
    whole = "5 separated, 1 refused", "4 separated, 1 refused, 1 skipped: 1 done before"
    assert any(line in whole for line in caplog.messages)
    assert sum(path.name == "figures.json" for path in (tmp_path / "out").rglob("*")) == 5


def test_an_image_that_ends_its_process_twice_is_refused_by_name(folder, tmp_path, caplog):
    with caplog.at_level(logging.INFO):
        assert run(folder, described(tmp_path / "out", "Kills"), workers=2) == 1
    # An image whose answer was lost with the process is found done.
    whole = [
        f"{4 - lost} separated, 2 refused" + f", {lost} skipped: {lost} done before" * bool(lost) for lost in (0, 1, 2)
    ]
    assert any(line in whole for line in caplog.messages)
    assert "refused square: the process that read it died" in caplog.messages
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["0", "1", "2", "3"]


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"version": "0.0.1"}, r"worker on .*: expected version 0\.0\.1 of the bundle, got "),
        ({"weights_sha256": "0123456789abcdef"}, r"worker on .*: expected weights 0123456789ab, got "),
        ({"signature": "of another"}, r"worker on .*: expected the settings of the command, got others; only those"),
        ({"mark": ".gone.partial"}, r"worker on .*: expected the output_dir of all machines, .*, got none"),
    ],
)
def test_a_worker_that_cannot_do_the_job_stops_it_with_a_sentence(
    scheduler, folder, tmp_path, monkeypatch, changed, says
):
    job = described(tmp_path / "out")
    job.options["weights"] = str(ROOT / "models" / "model.pt")
    started = Job.started

    @contextmanager
    def wrong(self, elsewhere):
        with started(self, elsewhere) as right:
            yield replace(right, **changed)

    monkeypatch.setattr(Job, "started", wrong)
    with pytest.raises(InputError, match=says):
        list(separate_all(job, list_images(folder), scheduler=scheduler))
    assert not list((tmp_path / "out").iterdir())


def test_workers_that_cannot_import_the_bundle_are_a_sentence():
    class Client:
        def wait_for_workers(self, count):
            pass

        def run(self, function):
            raise Exception("ModuleNotFoundError(\"No module named 'scripts'\")")

    with pytest.raises(InputError, match=r"in the bundle's folder with PYTHONPATH=\. \(ModuleNotFoundError"):
        _check(Client(), Job(""))


def test_a_scheduler_that_is_not_there_is_a_sentence(folder, tmp_path):
    with (
        dask.config.set({"distributed.comm.timeouts.connect": "1s"}),
        pytest.raises(InputError, match=r"scheduler: expected a Dask scheduler at tcp://127.0.0.1:9, got none"),
    ):
        list(separate_all(described(tmp_path / "out"), list_images(folder), scheduler="tcp://127.0.0.1:9"))


def test_an_image_takes_its_own_rows_of_the_joint_list_along(tmp_path):
    made = [source(SOPInstanceUID=f"1.2.{number}") for number in range(3)]
    for number, each in enumerate(made):
        write(each, tmp_path / "deep" / f"{number}.dcm")
    images = ["deep/0.dcm", "1.2.1", "2.dcm", "1.2.0"]
    rows = [{"image": image, "x": number, "y": 9} for number, image in enumerate(images)]
    sent = list(_sent(list_images(tmp_path, rows)))
    assert [[row.numbers[0] for row in entry.rows] for entry in sent] == [[0, 3], [1], [2]]
    (tmp_path / "deep" / "0.dcm").write_bytes(b"no DICOM")
    assert [row.numbers[0] for row in next(_sent(list_images(tmp_path, rows))).rows] == [0]

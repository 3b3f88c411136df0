"""Tests of the worker: what is separated, what is left alone and why, and what happens to what fails."""

import errno
from io import BytesIO

import pytest

from serving.database import Database
from serving.node.arrivals import Arrivals
from serving.node.received import FAILED, LEFT, RECEIVED, SEPARATED, Received, ReceivedObjects
from serving.node.spool import Spool
from serving.node.worker import MOST_ATTEMPTS, Worker
from tests.serving.node.conftest import PAUSES


class Desk:
    """Worker with a journal and a spool of its own."""

    def __init__(self, folder, bundle, find_joints):
        self.received, self.spool = ReceivedObjects(Database(folder)), Spool(folder / "spool")
        self.arrivals = Arrivals(quiet=60)
        self.worker = Worker(self.received, self.spool, self.arrivals, bundle, find_joints, PAUSES)

    def put(self, dataset, digest="1"):
        content = BytesIO()
        dataset.save_as(content, enforce_file_format=True)
        row = Received(str(dataset.SOPInstanceUID), str(dataset.StudyInstanceUID), digest, f"file-{digest}")
        self.spool.keep(row.file, content.getvalue())
        self.received.put(row)
        return row

    def after(self, dataset):
        """Return the row of an object after one step."""
        row = self.put(dataset)
        assert self.worker.step()
        return self.received.find(row.sop)


@pytest.fixture
def desk(tmp_path, bundle, known):
    return Desk(tmp_path, bundle, known)


def test_joints_that_are_found_are_separated_and_the_results_wait_to_be_sent(desk, image):
    row = desk.after(image("a"))
    assert (row.state, row.results, row.attempts) == (SEPARATED, 5, 0)
    assert sorted(each.Modality for each in desk.spool.results(row.file)) == ["DX"] * 4 + ["SEG"]
    assert desk.spool.path(row.file).is_file(), "kept until its results are sent"


def test_the_same_object_and_joints_make_the_same_results(tmp_path, bundle, known, image):
    made = []
    for name in "ab":
        desk = Desk(tmp_path / name, bundle, known)
        row = desk.after(image("a"))
        made.append([path.read_bytes() for path in sorted((desk.spool.derived / row.file).iterdir())])
    assert made[0] == made[1]


@pytest.mark.parametrize(
    ("keyword", "value", "state", "reason"),
    [
        ("Modality", "CT", LEFT, "modality CT, no radiograph"),
        ("SamplesPerPixel", 3, FAILED, "expected a grayscale image, got a colour image of 3 samples a pixel"),
        ("NumberOfFrames", 2, FAILED, "expected one frame, got 2"),
    ],
)
def test_what_cannot_be_used_is_left_alone_and_the_reason_kept(desk, image, keyword, value, state, reason):
    hand = image("a")
    setattr(hand, keyword, value)
    row = desk.after(hand)
    assert (row.state, row.reason) == (state, reason)
    assert not desk.spool.path(row.file).exists()


def test_an_image_without_joints_of_a_hand_is_left_alone(tmp_path, bundle, image):
    row = Desk(tmp_path, bundle, lambda _: []).after(image("a"))
    assert (row.state, row.reason) == (LEFT, "no joint of a hand is known in it")


def test_a_joint_outside_of_the_image_fails_with_a_sentence(tmp_path, bundle, image):
    row = Desk(tmp_path, bundle, lambda _: [{"x": 9000, "y": 5}]).after(image("a"))
    assert row.state == FAILED
    assert row.reason.startswith("joints, row 1: joint1 at 9000, 5 px lies outside the image")


def test_what_no_check_foresaw_is_tried_again_and_given_up_at_last(tmp_path, bundle, image, monkeypatch, caplog):
    def fails(_):
        raise KeyError("Doe^John")

    desk = Desk(tmp_path, bundle, fails)
    row = desk.after(image("a"))
    assert (row.state, row.attempts, row.reason) == (RECEIVED, 1, "KeyError")
    assert not desk.worker.step(), "not before its pause is over"
    for _ in range(MOST_ATTEMPTS):
        later = desk.received.find(row.sop).due + 1
        monkeypatch.setattr("serving.node.received.time.time", lambda later=later: later)
        desk.worker.step()
    row = desk.received.find(row.sop)
    assert (row.state, row.reason) == (FAILED, f"given up after {MOST_ATTEMPTS} attempts: KeyError")
    assert "Doe" not in caplog.text


def test_an_attempt_counts_before_it_begins_so_that_one_that_ends_the_process_ends_too(tmp_path, bundle, image):
    class Killed(BaseException):
        pass

    def ends(_):
        raise Killed

    desk = Desk(tmp_path, bundle, ends)
    row = desk.put(image("a"))
    for _ in range(MOST_ATTEMPTS):
        with pytest.raises(Killed):
            desk.worker.step()
    desk.worker.step()
    row = desk.received.find(row.sop)
    assert (row.state, row.reason) == (FAILED, f"given up after {MOST_ATTEMPTS} attempts: the node has ended each time")


def test_a_full_disk_is_no_fault_of_an_object(desk, image, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    row = desk.put(image("a"))
    with monkeypatch.context() as patched:
        patched.setattr(desk.spool, "keep_results", full)
        with pytest.raises(OSError, match="No space left"):
            desk.worker.step()
    assert desk.received.find(row.sop).attempts == 0
    desk.worker.step()
    assert desk.received.find(row.sop).state == SEPARATED


def test_a_study_that_is_still_arriving_waits_and_others_do_not(desk, image):
    waiting, ready = desk.put(image("a"), "1"), desk.put(image("b"), "2")
    desk.arrivals.arrived(waiting.study, lambda: True)
    assert (desk.worker.step(), desk.worker.step()) == (True, False)
    assert desk.received.find(ready.sop).state == SEPARATED
    assert desk.received.find(waiting.sop).state == RECEIVED


def test_an_object_that_arrives_anew_meanwhile_is_separated_anew(tmp_path, bundle, known, image):
    def arrives(radiograph):
        if not again:
            again.append(desk.put(image("a"), "2"))
        return known(radiograph)

    again = []
    desk = Desk(tmp_path, bundle, arrives)
    row = desk.after(image("a"))
    assert (row.state, row.sha256) == (RECEIVED, "2")
    desk.worker.step()
    assert desk.received.find(row.sop).state == SEPARATED

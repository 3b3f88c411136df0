"""Tests of many images in one request, by MONAI Label's own batch inference."""

import threading

import pytest
import requests

from scripts.networks import checkpoints
from tests.serving.conftest import ROOT, ask, objects_in
from tests.support.waiting import LIMIT, wait_for

pytestmark = [pytest.mark.pacs, pytest.mark.slow]


def batch(server, **params):
    """Run a batch, and wait until it has ended."""
    started = requests.post(f"{server.url}/batch/infer/bls_gan", json=params, timeout=LIMIT)
    assert started.status_code == 200, started.text
    task = {}

    def ended():
        task.update(requests.get(f"{server.url}/batch/infer", timeout=LIMIT).json())
        return task["status"] in ("DONE", "ERROR", "STOPPED")

    wait_for(ended, lambda: str(task))
    return task


def test_a_batch_goes_through_the_archive_and_one_bad_image_does_not_stop_it(server, pacs, put, hand, draw):
    others = [draw(41), draw(42)]
    put(*(other.dataset for other in others))
    rows = [{"image": each.sop, **each.at("MCP2")[0]} for each in (hand, others[0])]
    task = batch(server, joints=rows, max_workers=1)
    assert task["status"] == "DONE", task
    assert len(objects_in(pacs, hand.study)) == 4
    assert len(objects_in(pacs, others[0].study)) == 4
    assert len(objects_in(pacs, others[1].study)) == 1, "no joint of it was named"

    again = batch(server, max_workers=1)
    assert again["status"] == "DONE"
    assert len(objects_in(pacs, hand.study)) == 4, "known joints are separated again, to the same bytes"


def test_after_a_training_a_batch_makes_all_known_joints_with_the_new_weights(server, pacs, hand):
    assert ask(server, hand.sop, hand.at("MCP2", "MCP3")).status_code == 200
    before = objects_in(pacs, hand.study)
    state = checkpoints.read(ROOT / "models" / "model.pt")
    name = next(name for name in state if name.startswith("segmenter.") and state[name].is_floating_point())
    (server.state / "weights").mkdir(exist_ok=True)
    checkpoints.save({**state, name: state[name] * 1.001}, server.state / "weights" / "model.pt")
    try:
        assert batch(server, max_workers=1)["status"] == "DONE"
    finally:
        (server.state / "weights" / "model.pt").unlink()
    after = objects_in(pacs, hand.study)
    assert set(before) < set(after), "results of the former weights stay"
    assert len(after) == len(before) + 5


def test_a_batch_of_more_rows_than_a_command_line_holds_ends_and_can_always_be_asked_for(server, pacs, hand):
    rows = [{"image": f"1.2.3.{number}", "joint": "MCP2", "x": 537, "y": 770} for number in range(2500)]
    task = batch(server, joints=[*rows, {"image": hand.sop, "joint": "MCP2", **hand.at("MCP2")[0]}], max_workers=1)
    assert task["status"] == "DONE", task
    assert len(objects_in(pacs, hand.study)) == 4
    assert list((server.state / "batches").iterdir()) == []


def test_a_second_batch_is_refused_while_one_runs_and_its_state_can_be_asked_for(server, hand):
    started = requests.post(f"{server.url}/batch/infer/bls_gan", json={}, timeout=LIMIT)
    assert started.status_code == 200
    second = requests.post(f"{server.url}/batch/infer/bls_gan", json={}, timeout=LIMIT)
    assert (second.status_code, second.json()["detail"][:22]) == (409, "a batch runs already: ")
    asked = [requests.get(f"{server.url}/batch/infer", timeout=LIMIT).status_code for _ in range(50)]
    assert set(asked) == {200}
    assert requests.delete(f"{server.url}/batch/infer", timeout=LIMIT).status_code == 200


def test_others_are_answered_while_a_batch_runs_in_its_own_request(server, pacs, hand):
    done = threading.Event()
    answers = []

    def ask_for_all():
        rows = [{"image": hand.sop, "joint": name, **hand.at(name)[0]} for name in hand.joints]
        answers.append(
            requests.post(
                f"{server.url}/batch/infer/bls_gan", params={"run_sync": True}, json={"joints": rows}, timeout=LIMIT
            )
        )
        done.set()

    threading.Thread(target=ask_for_all).start()
    served = 0
    while not done.is_set():
        assert requests.get(f"{server.url}/app-config.js", timeout=LIMIT).ok
        served += 1
    assert answers[0].status_code == 200
    assert served > 5
    assert len(objects_in(pacs, hand.study)) == 2 + 2 * len(hand.joints)

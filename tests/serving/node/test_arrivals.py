"""Tests of studies that are still arriving."""

from serving.node.arrivals import Arrivals


def test_a_study_waits_while_its_association_is_open_and_not_quiet(monkeypatch):
    now, open_ = [0.0], [True]
    monkeypatch.setattr("serving.node.arrivals.time.monotonic", lambda: now[0])
    arrivals = Arrivals(quiet=5)
    arrivals.arrived("1.2", lambda: open_[0])
    arrivals.arrived("1.3", lambda: True)
    assert arrivals.waiting() == {"1.2", "1.3"}
    open_[0] = False
    assert arrivals.waiting() == {"1.3"}
    now[0] = 4.0
    arrivals.arrived("1.3", lambda: True)
    now[0] = 8.0
    assert arrivals.waiting() == {"1.3"}, "quiet for 4 s only"
    now[0] = 9.0
    assert arrivals.waiting() == set()

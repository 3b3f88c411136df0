"""Test of many clients at once."""

from statistics import median

import pytest

from benchmarks.serving import load, stored_twice

pytestmark = [pytest.mark.pacs, pytest.mark.slow]


def test_eight_clients_at_once_get_all_that_is_good_and_nothing_is_stored_twice(server, pacs, put, hand, draw):
    others = [draw(51), draw(52)]
    put(*(other.dataset for other in others))
    images = [(each.sop, list(each.joints.values())) for each in (hand, *others)]
    found = load(server, images, requests_=200, clients=8)
    assert found.failed == []
    assert found.accepted == 0
    assert len(found.seconds) == 150
    # Medians: what single requests take comes and goes.
    grown = median(found.resident[-50:]) - median(found.resident[50:100])
    assert grown < 40 * 2**20, "memory grows"
    assert sum(stored_twice(pacs, each.study) for each in (hand, *others)) == 0

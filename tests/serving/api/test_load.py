"""Test of many clients at once."""

import pytest

from benchmarks.serving import load, stored_twice
from tests.serving.conftest import empty

pytestmark = [pytest.mark.pacs, pytest.mark.slow]


def test_eight_clients_at_once_get_all_that_is_good_and_nothing_is_stored_twice(server, pacs, hand, draw):
    others = [draw(51), draw(52)]
    pacs.store([other.dataset for other in others])
    images = [(each.sop, list(each.joints.values())) for each in (hand, *others)]
    found = load(server, images, requests_=200, clients=8)
    assert found.failed == []
    assert found.accepted == 0
    assert len(found.seconds) == 150
    grown = max(found.resident[-20:]) - max(found.resident[30:50])
    assert grown < 40 * 2**20, "memory grows"
    assert sum(stored_twice(pacs, each.study) for each in (hand, *others)) == 0
    for other in others:
        empty(pacs, other.study)

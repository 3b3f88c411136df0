from benchmarks.one_joint import Time, interleaved, table


def test_jobs_are_timed_in_turn_and_the_warm_up_is_left_out():
    calls = []
    times = interleaved({name: lambda name=name: calls.append(name) for name in "ab"}, repeats=3, warm_up=1)
    assert calls == list("abababab")
    assert [len(rounds) for rounds in times.values()] == [3, 3]


def test_the_table_gives_medians_and_their_share_of_the_reference():
    rows = table({"ours": [Time(0.1, 0.1), Time(0.9, 0.2), Time(0.2, 0.3)], "paper": [Time(1.0, 0.8)]}, "paper")
    assert rows.splitlines()[1].split() == ["ours", "200.0", "100.0", "900.0", "200.0", "0.200", "0.250"]

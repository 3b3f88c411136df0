import pytest

from benchmarks.one_joint import REFERENCE, Time, interleaved, main, ratios, table


def test_jobs_are_timed_in_turn_and_the_warm_up_is_left_out():
    calls = []
    times = interleaved({name: lambda name=name: calls.append(name) for name in "ab"}, repeats=3, warm_up=1)
    assert calls == list("abababab")
    assert [len(rounds) for rounds in times.values()] == [3, 3]


def test_the_table_gives_medians_and_their_share_of_the_reference():
    rows = table({"ours": [Time(0.1, 0.1), Time(0.9, 0.2), Time(0.2, 0.3)], "paper": [Time(1.0, 0.8)]}, "paper")
    assert rows.splitlines()[1].split() == ["ours", "200.0", "100.0", "900.0", "200.0", "0.200", "0.250"]


def test_backends_are_held_against_torch_and_the_papers_generator():
    seconds = {"torch": 0.2, "openvino": 0.1, "openvino_bfloat16": 0.05}
    jobs = {
        f"{name}, masks {masks}": [Time(9, each)] for name, each in seconds.items() for masks in ("predicted", "given")
    }
    said = ratios({**jobs, REFERENCE: [Time(9, 1.0)]}).splitlines()
    assert said[1] == f"openvino, masks predicted: 0.50 of torch, {REFERENCE} takes 10.0 times as long"


@pytest.mark.slow
def test_the_command_prints_one_table_of_all_jobs(capsys):
    main(repeats=1)
    lines = capsys.readouterr().out.splitlines()
    lines, shares = lines[:-6], lines[-6:]
    assert shares[0].startswith("torch, masks predicted: 1.00 of torch")
    assert lines[0].startswith("One joint, 256x256, 1 rounds")
    jobs = [line.split("  ")[0] or line.strip().split("  ")[0] for line in lines[3:]]
    assert REFERENCE in jobs
    assert lines[-1].startswith("file to files, as a command")
    assert all(len(line) == len(lines[3]) for line in lines[3:])

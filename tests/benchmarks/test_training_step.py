import pytest

from benchmarks.training_step import OURS, PARTS, Stopwatch, draw_release, main, measure, table
from scripts.datasets.finger_joints import LoadJointd, release_datalist


def test_drawn_joints_are_read_as_the_release_is(tmp_path):
    draw_release(tmp_path, 3)
    datalist = release_datalist(tmp_path, split="train", overlap="nonoverlap", validation_fraction=0.0)
    joint = LoadJointd()(datalist[0])
    assert len(datalist) == 3
    assert joint["image"].shape == joint["background"].shape == (1, 256, 256)
    assert joint["masks"].any(dim=(1, 2)).all()
    assert not joint["masks"].all(dim=0).any()


def test_a_stopwatch_keeps_what_it_measures_apart():
    watch = Stopwatch()
    assert watch.around(lambda x: 2 * x, "synthesis")(3) == 6
    with watch.measuring("loading"):
        pass
    assert {name: len(seconds) for name, seconds in watch.seconds.items()} == {
        "loading": 1,
        "synthesis": 1,
        "networks": 0,
    }


def test_the_table_gives_speed_shares_and_the_ratio():
    seconds = {"loading": [0.1, 0.1, 9.0], "synthesis": [0.4, 0.4, 0.4], "networks": [1.5, 1.5, 1.5]}
    slow = {name: [10 * one for one in rounds] for name, rounds in seconds.items()}
    ours = {"seconds": seconds, "cpu": [1.0, 1.0, 2.0], "memory": 1.0}
    lines = table({"ours": ours, "paper": {"seconds": slow, "cpu": [5.0, 5.0, 5.0], "memory": 8.0}}, 4)
    _, ours, paper, ratio = lines.splitlines()
    assert ours.split() == ["ours", "2.000", "2.000", "1.000", "5.0%", "20.0%", "75.0%", "1.00"]
    assert paper.split()[1:3] == ["0.200", "20.000"]
    assert ratio == "ours is 10.0 times as fast, by CPU time 5.0 times"


@pytest.mark.slow
def test_every_part_of_every_step_is_measured(release):
    settings = {"dataset_dir": str(release), "device": "cpu", "batch_size": 2}
    found = measure(OURS, settings, steps=2, warm_up=1, compile_networks=False)
    assert all(len(rounds) == 2 and min(rounds) > 0 for rounds in found["seconds"].values())
    assert found["memory"] > 0.1


@pytest.mark.slow
def test_the_command_prints_both_configurations(monkeypatch, capsys):
    monkeypatch.delenv("BLS_GAN_DATA", raising=False)
    main(batch_size=1, steps=1, warm_up=0, joints=1, device="cpu")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("Pre-training at batch 1, 1 steps, cpu, 1 threads")
    assert all(part in lines[3] for part in PARTS)
    assert [line.split("  ")[0].strip() for line in lines[4:6]] == ["ours", "the paper's"]
    assert lines[6].startswith("ours is ")

import pytest

from benchmarks.radiographs import main

STEPS = [
    "as a command, cold",
    "import monai.bundle alone",
    "file to files",
    "read",
    "network, five joints",
    "split and metrics",
    "DICOM objects derived",
]


@pytest.mark.slow
def test_the_benchmark_tells_one_hand_by_its_steps_and_an_archive(capsys):
    main(images=2, workers=2, spacing=0.2, repeats=1, threads=1)
    told = capsys.readouterr()
    said, lines = told.out, told.out.splitlines()
    assert told.err == "", "nothing is logged between the rows"
    assert [line[:32].strip() for line in lines[1:-7]] == STEPS
    assert lines[-5].startswith("plain pool, 2 hands, 2 processes")
    assert lines[-4].startswith("Dask, 2 hands, 2 processes")
    assert said.count("2 separated") == 2

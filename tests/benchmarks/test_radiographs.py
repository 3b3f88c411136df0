import pytest

from benchmarks.radiographs import main


@pytest.mark.slow
def test_the_benchmark_tells_one_hand_by_its_steps_and_an_archive(capsys):
    main(images=4, workers=2, spacing=0.2, repeats=1, threads=1)
    said = capsys.readouterr().out
    for words in ("as a command, cold", "import monai.bundle alone", "DICOM objects derived", "a minute"):
        assert words in said
    assert "4 hands, 2 processes" in said

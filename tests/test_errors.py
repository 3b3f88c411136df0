import pytest

from scripts.errors import InputError, exit_on_input_error, whole_number


@pytest.mark.parametrize("error", [InputError("a.png: empty"), FileNotFoundError("a.png: empty")])
def test_a_refusal_ends_the_process_with_its_sentence(error):
    with pytest.raises(SystemExit, match=r"^a\.png: empty$"), exit_on_input_error():
        raise error


def test_a_file_that_cannot_be_opened_is_named_first(tmp_path):
    with pytest.raises(SystemExit, match=r"nowhere\.csv: No such file or directory$"), exit_on_input_error():
        (tmp_path / "nowhere.csv").read_text()


@pytest.mark.parametrize("value", ["abc", -1, 1.5, True, None])
def test_what_is_no_whole_number_is_refused(value):
    assert whole_number("workers", 0) == 0
    with pytest.raises(InputError, match="workers: expected a whole number from 0 up, got "):
        whole_number("workers", value)
    with pytest.raises(InputError, match="count: expected a whole number from 1 up, got 0"):
        whole_number("count", 0, 1)


def test_a_fault_of_the_program_is_no_refusal():
    with pytest.raises(AttributeError), exit_on_input_error():
        raise AttributeError("a fault")

import pytest

from scripts.errors import InputError, exit_on_input_error


@pytest.mark.parametrize("error", [InputError("a.png: empty"), FileNotFoundError("a.png: empty")])
def test_a_refusal_ends_the_process_with_its_sentence(error):
    with pytest.raises(SystemExit, match=r"^a\.png: empty$"), exit_on_input_error():
        raise error


def test_a_fault_of_the_program_is_no_refusal():
    with pytest.raises(AttributeError), exit_on_input_error():
        raise AttributeError("a fault")

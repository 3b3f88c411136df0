# Copyright 2026 The BLS-GAN bundle contributors
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""Errors of bad input: one sentence that names the file and the value, not a traceback."""

from collections.abc import Iterator
from contextlib import contextmanager


class InputError(ValueError):
    """Input, weights or a folder that cannot be used; its text is the sentence for the user."""


class SkippedInput(InputError):  # noqa: N818  (not an error: the input is sound)
    """Input that is sound, but not for this job.

    Args:
        sentence: for the user.
        kind: what it is, a few words under which such input is counted.
    """

    def __init__(self, sentence: str, kind: str) -> None:
        super().__init__(sentence)
        self.kind = kind


def whole_number(name: str, value: object, least: int = 0) -> int:
    """Return a whole number of a command line.

    Raises:
        InputError: it is none, or smaller than ``least``.
    """
    # True is a number to Python.
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise InputError(f"{name}: expected a whole number from {least} up, got {value!r}")
    return value


@contextmanager
def exit_on_input_error() -> Iterator[None]:
    """End the process with one sentence and status 1, for steps that a config runs and whose errors are sentences.

    A config's steps run inside MONAI's and ignite's own ``except Exception``, which would bury the sentence.

    Raises:
        SystemExit: with the text of the :class:`ValueError` (such as :class:`InputError`) or :class:`OSError`.
    """
    try:
        yield
    except ValueError as error:
        raise SystemExit(str(error)) from error
    except OSError as error:
        # What the system says begins with a number and ends with the file.
        said = str(error) if error.filename is None else f"{error.filename}: {error.strerror}"
        raise SystemExit(said) from error

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

"""Errors of a PACS, as sentences for the user."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import requests

from scripts.errors import InputError

logger = logging.getLogger(__name__)

NO_REMOVAL = (400, 403, 405, 409, 501)
"""Statuses by which archives refuse to take objects out; they may also have no such address at all."""


class PacsAwayError(RuntimeError):
    """Error for a PACS that does not answer, or answers wrongly; the message is a sentence for the user."""


class PacsFailsError(PacsAwayError):
    """Error for a PACS that answers, but with a failure of its own."""


class PacsRefusesError(PacsFailsError):
    """Error for a PACS that does not take this server's user and password."""

    def __init__(self) -> None:
        super().__init__("the PACS refuses the user or the password of this server")


class RemovalRefusedError(PacsAwayError):
    """Error for a PACS that lets nobody take objects out."""

    def __init__(self) -> None:
        super().__init__("the PACS does not let this server take objects out")


class NotInPacsError(InputError):
    """Error for an object that is not in the PACS."""


@contextmanager
def failures_as_errors(action: str) -> Iterator[None]:
    """Raise failures of an action as errors whose message is a sentence for the user."""
    try:
        yield
    except requests.HTTPError as error:
        status = error.response.status_code if error.response is not None else 0
        if action == "removal" and status in NO_REMOVAL:
            raise RemovalRefusedError from error
        if status in (401, 403):
            raise PacsRefusesError from error
        if status in (404, 410) and action not in ("search", "store"):
            raise NotInPacsError("the object is not in the PACS any more") from error
        raise PacsAwayError(f"the PACS answered {status} to a {action}") from error
    except requests.RequestException as error:
        logger.warning("%s: %s", action, type(error).__name__)
        raise PacsAwayError("the PACS does not answer; try again when it is back") from error
    except InputError as error:
        raise InputError(f"an object in the PACS cannot be read: {error}") from error
    except (ValueError, KeyError, AttributeError) as error:
        logger.debug("%s", action, exc_info=error)
        raise PacsAwayError(f"the PACS did not answer a {action} in DICOMweb") from error

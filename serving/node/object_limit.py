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

"""Limit of what an association may send: of one object, and of one piece of it, before memory is taken for it."""

from io import BytesIO

from pynetdicom.events import Event
from pynetdicom.pdu import P_DATA_TF

LARGEST_PIECE = 2**20
"""Bytes of a protocol data unit that is read: an association request with all storage classes has 0.3 MiB."""


class LimitedBytes(BytesIO):
    """Bytes of a data set that is arriving; from a limit on all of them are dropped.

    Args:
        first: what has arrived.
        largest: bytes that are kept.
    """

    def __init__(self, first: bytes, largest: int) -> None:
        super().__init__()
        self.largest = largest
        self.dropped = False
        self.write(first)

    def write(self, piece: bytes) -> int:  # type: ignore[override]
        """Add a piece."""
        if self.dropped or self.tell() + len(piece) > self.largest:
            self.dropped = True
            self.seek(0)
            self.truncate()
            return len(piece)
        return super().write(piece)


def limit_object(event: Event, largest: int) -> None:
    """Let the object that is arriving be kept up to a limit; called before each of its pieces but the first."""
    message = event.assoc.dimse.message
    arrived = message.data_set if isinstance(event.pdu, P_DATA_TF) and message is not None else None
    if message is not None and arrived is not None and not isinstance(arrived, LimitedBytes):
        message.data_set = LimitedBytes(arrived.getvalue(), largest)

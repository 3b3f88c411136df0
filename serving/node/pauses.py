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

"""Pauses between attempts, which grow up to a limit."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Pauses:
    """Pauses between attempts: each is twice as long as the one before.

    Attributes:
        first: seconds after the first attempt.
        longest: seconds at most.
    """

    first: float = 2.0
    longest: float = 300.0

    def after(self, attempts: int) -> float:
        """Return the seconds to wait after a number of attempts, from 1 on."""
        return min(self.longest, self.first * 2.0 ** min(attempts - 1, 60))

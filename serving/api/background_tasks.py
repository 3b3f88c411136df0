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

"""Tasks of MONAI Label in processes of their own: what clients are told of them, and none that never ends."""

import logging
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from monailabel.utils.async_tasks import utils

logger = logging.getLogger(__name__)


def snapshot(task: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of a task, which its own thread changes while an answer is written."""
    copied = dict(task)
    copied["request"] = dict(copied.get("request", {}))
    if "details" in copied:
        copied["details"] = list(copied["details"])
    return copied


def status(method: str) -> dict[str, Any] | None:
    """Return the last task of a method; nothing if there was none."""
    tasks = list(utils.tasks(method))
    return snapshot(tasks[-1]) if tasks else None


def tell_failed_starts() -> None:
    """Let a task whose process cannot be started end with an error: MONAI Label leaves it submitted for ever."""
    run: Callable[..., None] = utils._task_func

    @wraps(run)
    def run_or_tell(task: dict[str, Any], method: str, callback: Any = None) -> None:
        try:
            run(task, method, callback)
        except Exception as error:
            logger.error("a %s task could not run: %s", method, type(error).__name__)
            utils.background_processes.get(method, {}).pop(task["id"], None)
            task |= {"status": "ERROR", "details": [f"it could not run ({type(error).__name__})"]}

    utils._task_func = run_or_tell

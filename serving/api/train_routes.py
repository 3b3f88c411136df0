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

"""Routes for training and active learning, for MONAI Label's clients; answered off the event loop."""

from contextlib import suppress
from typing import Any

import psutil
from anyio import to_thread
from fastapi import APIRouter, Depends
from monailabel.config import settings
from monailabel.endpoints import train
from monailabel.endpoints.user.auth import RBAC
from monailabel.interfaces.utils.app import app_instance
from monailabel.utils.async_tasks.utils import tasks

from scripts.errors import InputError
from serving.api.background_tasks import snapshot
from serving.api.request_body import JsonObject
from serving.learning.finetuning import ALREADY_RUNNING
from serving.pacs.journal import BusyError

for_all = [Depends(RBAC(settings.MONAI_LABEL_AUTH_ROLE_USER))]
for_admins = [Depends(RBAC(settings.MONAI_LABEL_AUTH_ROLE_ADMIN))]

router = APIRouter()

CLIENTS = {
    *("client_id", "user", "model", "label", "name", "pretrained", "device", "multi_gpu", "gpus", "val_split"),
    *("dataset", "dataloader", "train_batch_size", "val_batch_size", "early_stop_patience", "local_rank"),
    *("tracking", "tracking_uri", "tracking_experiment_name"),
}
"""Parameters that MONAI Label's clients send along with a training, and that mean nothing here."""

KILL_TIMEOUT = 10.0
"""Seconds to wait for the end of a process that was killed."""


@router.post("/train", dependencies=for_admins, include_in_schema=False)
@router.post("/train/", dependencies=for_admins, include_in_schema=False)
async def train_all() -> None:
    """Refuse a training without the name of a model."""
    raise InputError(f"expected /train/{_one_of(app_instance()._trainers)}, got /train/")


@router.post("/train/{model}", dependencies=for_admins)
async def start(model: str, params: JsonObject, run_sync: bool = False) -> dict[str, Any]:
    """Start a training in a process of its own; ``GET /train/`` returns its state.

    ``params``: see :data:`serving.learning.finetuning.LIMITS`; :data:`CLIENTS` are passed over.
    """
    if run_sync:
        raise InputError(
            "run_sync: expected false, got true; a training runs in a process of its own, GET /train/ returns its state"
        )
    trainers = app_instance()._trainers
    if model not in trainers:
        raise InputError(f"model: expected {_one_of(trainers)}, got {model[:64]!r}")
    values = {name: value for name, value in params.items() if name not in CLIENTS}

    def run() -> dict[str, Any]:
        trainers[model].check(values)
        if any(task["status"] in ("SUBMITTED", "RUNNING") for task in tasks("train")):
            raise BusyError(ALREADY_RUNNING)
        return snapshot(train.run_model(model, values))

    return await to_thread.run_sync(run)


@router.get("/train", dependencies=for_all, include_in_schema=False)
@router.get("/train/", dependencies=for_all)
async def state(all: bool = False, check_if_running: bool = False) -> Any:
    """Return the state of the last training."""
    found = train.status(all, check_if_running)
    return [snapshot(task) for task in found] if all else snapshot(found)


@router.delete("/train", dependencies=for_admins, include_in_schema=False)
@router.delete("/train/", dependencies=for_admins)
async def stop() -> dict[str, Any] | None:
    """Stop the running training and remove its files; the weights in use stay."""

    def end() -> dict[str, Any] | None:
        stopped: dict[str, Any] | None = None
        # It may have ended meanwhile.
        with suppress(psutil.Error, StopIteration):
            stopped = train.stop()
        for trainer in app_instance()._trainers.values():
            trainer.clean_up(patience=KILL_TIMEOUT)
        return snapshot(stopped) if stopped else None

    return await to_thread.run_sync(end)


@router.post("/activelearning/{strategy}", dependencies=for_all)
async def propose(strategy: str, params: JsonObject) -> dict[str, Any]:
    """Propose an image, or a joint of one, to correct next; an empty answer if there is none."""
    app = app_instance()
    if strategy not in app._strategies:
        raise InputError(f"strategy: expected {_one_of(app._strategies)}, got {strategy[:64]!r}")

    def run() -> dict[str, Any]:
        # MONAI Label's next_sample would fetch the image and answer its path on this machine.
        proposed = app._strategies[strategy]({"strategy": strategy}, app.datastore())
        return {**proposed, **app.datastore().get_image_info(proposed["id"])} if proposed else {}

    return await to_thread.run_sync(run)


def _one_of(named: dict[str, Any]) -> str:
    return " or ".join(sorted(named))

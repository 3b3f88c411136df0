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

"""Many processes by Dask: on this machine, or on those of a cluster that runs already."""

import importlib.util
import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from pydicom import dcmread

from scripts.errors import InputError
from scripts.inference.find_images import ImageEntry, PictureEntry, RadiographEntry
from scripts.inference.job import Job, WorkerError, separate
from scripts.inference.joint_list import JointRow

logger = logging.getLogger(__name__)

PRELOADED = ("scripts.inference.batch", "scripts.inference.handlers", "monai.engines", "monai.data")
"""Modules that are imported once for all processes of this machine."""

AHEAD = 2
"""Images that are handed out for each thread: one is at work, one waits, so that no thread waits for its next."""

DASHBOARD = "127.0.0.1:8787"
"""Address of Dask's dashboard, for this machine only; there is none without bokeh."""


class DiedError(RuntimeError):
    """Error for an image that ended its process twice."""


def separate_all(
    job: Job, entries: Sequence[ImageEntry], *, workers: int = 0, scheduler: str = ""
) -> Iterator[tuple[ImageEntry, Any]]:
    """Separate images in many processes, each image in the next one that is free.

    An image that is at a process when it dies is tried once more, alone, when all others are done. No more than
    ``AHEAD`` images are handed out for each thread of the workers: memory stays the same for any number of images.

    Args:
        job: what the processes do.
        entries: the images.
        workers: processes to start on this machine, with one thread each.
        scheduler: address of a running cluster instead.

    Yields:
        An image and its :class:`scripts.inference.batch.Outcome`, or the exception that it ended with:
        :class:`DiedError`, or one of the process.

    Raises:
        InputError: Dask is missing, the cluster does not answer, or a worker cannot do the job.
    """
    if importlib.util.find_spec("distributed") is None:
        raise InputError("workers: expected dask and distributed, got none; pip install --requirement requirements.txt")
    with ExitStack() as stack:
        started = stack.enter_context(job.started(elsewhere=bool(scheduler)))
        client = stack.enter_context(_client(min(workers, len(entries)), scheduler))
        _check(client, started)
        suspects: list[ImageEntry] = []
        for entry, result in _in_turn(client, started, entries):
            if isinstance(result, DiedError):
                suspects.append(entry)
            else:
                yield entry, result
        for entry in suspects:
            yield from _in_turn(client, started, [entry])


def _in_turn(client: Any, job: Job, entries: Sequence[ImageEntry]) -> Iterator[tuple[ImageEntry, Any]]:
    """Yield images and what became of them, as they are done."""
    from distributed import as_completed

    waiting, running, asked = zip(entries, _sent(entries), strict=True), as_completed(loop=client.loop), {}

    def hand_out() -> None:
        free = AHEAD * max(1, sum(client.nthreads().values())) - running.count()
        for entry, sent in islice(waiting, max(0, free)):
            future = client.submit(separate, job, sent, pure=False)
            asked[future] = entry
            running.add(future)

    hand_out()
    for future in running:
        entry = asked.pop(future)
        yield entry, _result(future)
        hand_out()


def _result(future: Any) -> Any:
    """Return the outcome of a task, or its exception.

    Raises:
        InputError: a worker cannot do the job, or the scheduler is gone.
    """
    from distributed import KilledWorker

    if future.status not in ("finished", "error"):
        raise InputError("scheduler: expected it to stay until the end, got no answer; run the job again to go on")
    error = future.exception()
    if isinstance(error, WorkerError):
        raise InputError(str(error)) from error
    if isinstance(error, KilledWorker):
        return DiedError(str(error.last_worker))
    return future.result() if error is None else error


def _check(client: Any, job: Job) -> None:
    """Check the workers that are there before the first image; one that comes later checks itself."""
    logger.debug("waiting for a worker")
    client.wait_for_workers(1)
    try:
        client.run(job.check)
    except WorkerError as error:
        raise InputError(str(error)) from error
    except Exception as error:  # a plain one, if a worker cannot import what it is asked to do
        raise InputError(
            f"scheduler: expected workers that run in the bundle's folder with PYTHONPATH=. ({str(error)[:100]})"
        ) from error


@contextmanager
def _client(workers: int, scheduler: str) -> Iterator[Any]:
    """Connect to a cluster: the one that runs, or one that is started on this machine and ends with the job."""
    from distributed import Client

    for name in ("distributed", "distributed.scheduler", "distributed.nanny", "distributed.core"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    with ExitStack() as stack:
        encrypted = importlib.util.find_spec("cryptography") is not None
        cluster = scheduler or stack.enter_context(local_cluster(workers, encrypted=encrypted))
        try:
            client = stack.enter_context(Client(cluster, set_as_default=False))
        except (OSError, ValueError) as error:
            raise InputError(f"scheduler: expected a Dask scheduler at {scheduler}, got none") from error
        yield client


@contextmanager
def local_cluster(workers: int, *, encrypted: bool = False) -> Iterator[Any]:
    """Start processes of this machine, to which no other machine can connect.

    Args:
        workers: how many, with one thread each.
        encrypted: with keys of their own, so that no other user of this machine can connect either.

    Yields:
        Dask's cluster.
    """
    import dask
    from distributed import LocalCluster, Security
    from distributed.utils import get_mp_context

    shown = importlib.util.find_spec("bokeh") is not None
    settings = {
        # A process is forked from one that has imported all, without a thread: it starts in no time, after a death too.
        "distributed.worker.multiprocessing-method": "forkserver",
        # A process that dies is told at once: whether its image is tried again is decided here.
        "distributed.scheduler.allowed-failures": 0,
        # The stacks of Dask's dashboard are not looked at, and sampling them takes time of each image.
        "distributed.worker.profile.enabled": False,
        # Dask's own setting gives each array's memory back at once, and takes half as long again for an image.
        "distributed.nanny.pre-spawn-environ": {"OMP_NUM_THREADS": 1},
    }
    with dask.config.set(settings):
        get_mp_context().set_forkserver_preload(["distributed", *PRELOADED])
        with LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            host="127.0.0.1",
            security=Security.temporary() if encrypted else None,
            dashboard_address=DASHBOARD if shown else "127.0.0.1:0",
            worker_dashboard_address="127.0.0.1:0",
            memory_limit=0,
            silence_logs=logging.CRITICAL,
        ) as cluster:
            if shown:
                logger.info("dashboard %s", cluster.dashboard_link)
            yield cluster


def _sent(entries: Iterable[ImageEntry]) -> Iterator[ImageEntry]:
    """Yield images as they are sent: paths hold in any folder, and of a joint list its own rows go along."""
    lists: dict[int, defaultdict[str, list[tuple[int, JointRow]]]] = {}
    for entry in entries:
        if isinstance(entry, PictureEntry):
            entry = replace(entry, masks={bone: path.absolute() for bone, path in entry.masks.items()})
        if isinstance(entry, RadiographEntry) and entry.rows:
            if id(entry.rows) not in lists:
                by_image = lists[id(entry.rows)] = defaultdict(list)
                for numbered in enumerate(entry.rows):
                    by_image[numbered[1].image].append(numbered)
            by_image = lists[id(entry.rows)]
            names = {"", entry.listed, entry.listed.rpartition("/")[2], _uid(entry.path)}
            found = sorted((row for name in names for row in by_image.get(name, ())), key=lambda row: row[0])
            entry = replace(entry, rows=[row for _, row in found])
        yield replace(entry, path=entry.path.absolute())


def _uid(path: Path) -> str:
    """Return the SOP Instance UID of a DICOM file; nothing if it cannot be read: that is told where it is separated."""
    try:
        return str(dcmread(path, stop_before_pixels=True, specific_tags=["SOPInstanceUID"]).SOPInstanceUID)
    except Exception:  # broken bytes raise errors of many types
        return ""

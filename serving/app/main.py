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

"""The MONAI Label app: its PACS, its model, and what can be asked of it. All work is done by the bundle."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import requests
import torch
from monailabel.config import settings
from monailabel.interfaces.app import MONAILabelApp
from monailabel.interfaces.tasks.infer_v2 import InferTask, InferType
from monailabel.interfaces.tasks.strategy import Strategy
from monailabel.interfaces.tasks.train import TrainTask
from monailabel.tasks.activelearning.random import Random

from scripts.dicom.segmentation import SEGMENTS
from scripts.errors import InputError
from serving import label_map
from serving.app.batch_rows import BatchRows
from serving.app.datastore import Radiographs
from serving.bundle import ROOT, Bundle
from serving.learning.active_learning import LeastSure
from serving.learning.finetuning import FineTuning
from serving.measurement import JointMeasurement
from serving.pacs.client import Pacs
from serving.pacs.errors import PacsAwayError
from serving.pacs.journal import BusyError, Journal
from serving.pacs.result_index import ResultIndex
from serving.separation import JointSeparator

logger = logging.getLogger(__name__)
# It tells every request to the PACS, several a click.
logging.getLogger("dicomweb_client").setLevel(logging.WARNING)

MODEL = "bls_gan"


class SeparateBones(InferTask):
    """Inference task: separation of the joints that a client names.

    A request has ``image`` and ``joints`` (rows as ``joints.csv`` has them) or ``foreground`` (points, x and y, as
    clients of MONAI Label send clicks), and may have ``label``, a file with masks.
    """

    def __init__(self, separator: JointSeparator) -> None:
        self.separator = separator
        super().__init__(
            # One of the types that the selectors of MONAI Label's plugins show, and to which they send clicks.
            type=InferType.DEEPEDIT,
            labels={label: number for number, label in SEGMENTS.items()},
            dimension=2,
            description="Separates the two bones of finger joints. Research use, not a medical device.",
            config={"result_extension": list(label_map.VOLUMES)},
        )

    def is_valid(self) -> bool:
        """Return True if there are weights."""
        return self.separator.bundle.path.is_file()

    def get_path(self, validate: bool = True) -> str:
        """Return the file of the weights."""
        return str(self.separator.bundle.path)

    def __call__(self, request: Mapping[str, Any]) -> tuple[str | None, dict[str, Any]]:
        """Return a label map file, which the caller removes, and :attr:`serving.separation.Separation.answer`."""
        clicks = request.get("foreground") or []
        joints = request.get("joints") or [{"x": click[0], "y": click[1]} for click in clicks]
        drawn = request.get("label")
        separation = self.separator(
            request["image"],
            joints,
            (lambda of: label_map.read(Path(drawn), of)) if drawn else None,
        )
        suffix = request.get("result_extension")
        if request.get("result_write_to_file") is False:
            return None, separation.answer
        suffix = suffix if suffix in label_map.VOLUMES else ".nrrd"
        path = label_map.write_temporary(separation.results.labels, separation.radiograph, suffix)
        return path, separation.answer


class BlsGan(MONAILabelApp):
    """BLS-GAN in front of a PACS.

    Args:
        app_dir: folder of this file.
        studies: address of the PACS' DICOMweb services.
        conf: ``state`` (folder for what has to outlive the server: journal, locks, new weights), ``orthanc`` (address
            of Orthanc's own interface, if the PACS is one), ``weights``.
    """

    def __init__(self, app_dir: str, studies: str, conf: Mapping[str, str]) -> None:
        if not studies.startswith(("http://", "https://")):
            raise InputError(f"studies: expected the address of a PACS' DICOMweb services, got {studies!r}")
        self.state = Path(conf.get("state") or ROOT / ".serve")
        session = requests.Session()
        if settings.MONAI_LABEL_DICOMWEB_USERNAME:
            session.auth = (settings.MONAI_LABEL_DICOMWEB_USERNAME, settings.MONAI_LABEL_DICOMWEB_PASSWORD)
        pacs = Pacs(
            studies,
            orthanc=conf.get("orthanc", ""),
            session=session,
            prefixes={
                "qido_url_prefix": settings.MONAI_LABEL_QIDO_PREFIX,
                "wado_url_prefix": settings.MONAI_LABEL_WADO_PREFIX,
                "stow_url_prefix": settings.MONAI_LABEL_STOW_PREFIX,
            },
            timeout=settings.MONAI_LABEL_DICOMWEB_PROXY_TIMEOUT,
        )
        bundle = Bundle(self.state / "weights" / "model.pt", Path(conf.get("weights") or ROOT / "models" / "model.pt"))
        self.journal = Journal(pacs, self.state)
        self.batch_rows = BatchRows(self.state / "batches")
        self.separator = JointSeparator(pacs, self.journal, bundle)
        self.measurement = JointMeasurement(self.separator)
        self.results = ResultIndex(pacs, self.journal)
        super().__init__(
            app_dir=app_dir,
            studies=studies,
            conf=dict(conf),
            name="BLS-GAN",
            description="Layers of the overlapping bones of finger joints. Research use, not a medical device.",
            version=bundle.version,
            labels={label: number for number, label in SEGMENTS.items()},
        )

    def init_datastore(self) -> Radiographs:
        """Return the PACS as a datastore."""
        return Radiographs(self.separator)

    def init_infers(self) -> dict[str, InferTask]:
        """Return the one model."""
        return {MODEL: SeparateBones(self.separator)}

    def init_trainers(self) -> dict[str, TrainTask]:
        """Return the training of the same model on masks that radiologists have corrected."""
        return {MODEL: FineTuning(self.results, self.separator.bundle, self.state)}

    def init_strategies(self) -> dict[str, Strategy]:
        """Return the strategies that choose the joint to correct next."""
        return {"least_sure": LeastSure(self.separator, self.results), "random": Random()}

    def warm_up(self) -> None:
        """Load the weights and run the network once, so that the first click does not wait for it."""
        pipeline = self.separator.bundle.get()
        device = next(pipeline.network.parameters()).device
        with torch.inference_mode():
            pipeline.inferer(torch.rand(1, 1, 256, 256, device=device), pipeline.compiled)

    def infer(self, request: Mapping[str, Any], datastore: Any = None) -> dict[str, Any]:
        """Run a model on an image of the PACS; its results are stored there.

        Raises:
            InputError: there is no such model; or as :class:`serving.separation.JointSeparator`.
        """
        task = self._infers.get(request.get("model"))
        if task is None:
            raise InputError(f"model: expected {MODEL}, got {str(request.get('model'))[:64]!r}")
        file, params = task(request)
        return {"label": file, "tag": "original", "file": file, "params": params}

    def batch_infer(self, request: Mapping[str, Any], datastore: Any = None) -> dict[str, Any]:
        """Run a model on many images; one that fails says why and does not stop the others.

        With ``joints`` in the request, images that no row names are left alone. Without: the joints that have results,
        of these weights or of others, and in images without any those that are found.
        """

        task = self._infers[MODEL]
        asked = dict(request)
        rows = self.batch_rows.take(asked.pop("rows")) if asked.get("rows") else asked.pop("joints", None)
        # MONAI Label copies the request for each image: only the rows of that image are to be there.
        rows_of = _by_image(rows or self._joints_of_others())
        images = self.datastore().images()

        def infer(each: Mapping[str, Any], _: Any = None) -> dict[str, Any]:
            where = images.get(each["image"])
            names = {"", each["image"], *((where.series, where.sop) if where else ())}
            joints = [row for name in sorted(names) for row in rows_of.get(name, [])]
            if rows and not joints:
                logger.info("image %s: no row names it", each["image"])
                return {"params": {"detail": "no row names it"}}
            try:
                return {"params": task({**each, "joints": joints, "result_write_to_file": False})[1]}
            except (InputError, PacsAwayError, BusyError, OSError) as error:
                logger.warning("%s", error)
                return {"params": {"detail": str(error)}}

        # MONAI Label shares the images among as many GPUs as there are, also if there are none.
        if not torch.cuda.is_available():
            asked |= {"multi_gpu": False, "device": "cpu"}
        done: dict[str, Any] = self._batch_infer(asked, self.datastore(), infer)
        return done

    def _joints_of_others(self) -> list[dict[str, Any]]:
        """Return rows for joints that other weights or versions have separated, in images without results of these."""
        software = self.separator.bundle.get().software
        results = self.results.all()
        done = {result.source.sop for result in results if result.software == software}
        rows: dict[tuple[str, str], dict[str, Any]] = {}
        for result in results:
            image = result.source.sop
            for joint in self.results.joints(result) if image not in done else ():
                edges = zip(("top", "left", "bottom", "right"), joint.located.box, strict=True)
                row = {"image": image, "joint": joint.located.name, **dict(edges), "angle": joint.located.angle}
                rows.setdefault((image, joint.located.name), row)
        return list(rows.values())


def _by_image(rows: list[Any]) -> dict[str, list[Any]]:
    """Return rows of joints by the image that each names; ``""`` for rows that name none."""
    named: dict[str, list[Any]] = {}
    for row in rows:
        image = row.get("image") if isinstance(row, dict) else None
        named.setdefault(str(image or "").strip(), []).append(row)
    return named

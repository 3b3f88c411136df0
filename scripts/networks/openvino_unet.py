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

"""U-Nets converted to OpenVINO, which compiles them for the processor at hand."""

import sys
import threading
import warnings
from functools import cache, cached_property
from typing import Any

import torch
from torch import Tensor, nn


def import_openvino() -> Any:
    """Import OpenVINO without the package by which it reports each import and conversion to its makers.

    Raises:
        ImportError: it is not installed.
    """
    # It then takes its own stub of that package.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import openvino

    return openvino


@cache
def core() -> Any:
    """Return this process' one core of OpenVINO, which is never taken down.

    With each core comes a stack on which the thread that made it handles signals (Intel's AMX units need a large one).
    The second one that goes puts back the first one's, which is freed: the next signal, Ctrl-C for one, would end the
    process with a segmentation fault.
    """
    return import_openvino().Core()


class CompiledUNet(nn.Module):
    """A network of one input and one answer, run by OpenVINO on the CPU, for any batch and size.

    It may be called from several threads at a time.

    Args:
        model: of :func:`convert` or :func:`read`.
        precision: ``"f32"`` or ``"bf16"``, of the computation.
        threads: that it uses for a call.
    """

    def __init__(self, model: Any, precision: str = "f32", threads: int = 1) -> None:
        super().__init__()
        self.model = model
        self.precision = precision
        self.threads = threads
        self._lock = threading.Lock()
        self._own = threading.local()

    def forward(self, x: Tensor) -> Tensor:
        """Run the network on (B, C, H, W), float32."""
        [answer] = self._request().infer([x.contiguous().numpy()], share_inputs=True).values()
        return torch.from_numpy(answer)

    @cached_property
    def _compiled(self) -> Any:
        settings = {
            "INFERENCE_PRECISION_HINT": self.precision,
            "INFERENCE_NUM_THREADS": self.threads,
            "NUM_STREAMS": 1,
            # Processes side by side would all be pinned to the same cores.
            "ENABLE_CPU_PINNING": False,
        }
        return core().compile_model(self.model, "CPU", settings)

    def _request(self) -> Any:
        """Return this thread's own request; a request serves one call at a time."""
        if not hasattr(self._own, "request"):
            with self._lock:
                self._own.request = self._compiled.create_infer_request()
        return self._own.request


def convert(part: nn.Module) -> Any:
    """Convert a network of convolutions to OpenVINO's model of it, float32, any batch and size.

    Args:
        part: its sides halve four times at most.
    """
    openvino = import_openvino()
    channels = next(layer.in_channels for layer in part.modules() if isinstance(layer, nn.Conv2d))
    was_training = part.training
    with torch.no_grad(), warnings.catch_warnings():
        # Traced sizes are taken for constants, with a warning: sizes that are multiples of 16 need no padding.
        warnings.simplefilter("ignore")
        traced = torch.jit.trace(part.eval(), torch.zeros(1, channels, 64, 64), check_trace=False)
        model = openvino.convert_model(traced)
    part.train(was_training)
    model.reshape([-1, channels, -1, -1])
    return model

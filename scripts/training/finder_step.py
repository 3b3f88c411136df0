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

"""Training step of the finder: films and closer looks of drawn hands are exposed, both networks learn from them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import torch
from monai.engines import SupervisedTrainer
from monai.utils.enums import CommonKeys as Keys
from torch import Tensor
from torch.nn.functional import logsigmoid

from scripts.networks.finder import Finder
from scripts.physics import gray_level
from scripts.training.acquisition import Acquisition
from scripts.training.finder_films import targets
from scripts.training.random_draws import Range, happens, uniform

FILM_REACH, CLOSEUP_REACH = 1.6, 2.2
"""Standard deviation of the targets of the overview and of the closer look, px of their answers."""


def film_acquisition() -> Acquisition:
    """Return an acquisition as whole films come: any window, coarse or fine, sharpened over any width."""
    return Acquisition(
        coarse=0.4,
        resolution=(0.65, 1.0),
        sides=(3, 5, 9, 15, 31, 61),
        gamma=(0.5, 1.9),
        contrast=(0.6, 1.3),
        brightness=(-0.12, 0.2),
        noise=(0.0, 0.03),
    )


@dataclass(frozen=True, kw_only=True)
class Exposure:
    """Exposure of attenuation: how dense things are, what the detector makes of it, and the film's borders.

    Args:
        density: factors on the attenuation.
        acquisition: what the detector and its window make of it.
        bordered: share of films with bare borders.
        border: their largest width, share of the film's side.
    """

    density: Range = (0.9, 2.0)
    acquisition: Callable[[Tensor], Tensor] = field(default_factory=film_acquisition)
    bordered: float = 0.35
    border: float = 0.16

    @torch.no_grad()
    def __call__(self, attenuation: Tensor) -> Tensor:
        """Return gray levels (B, 1, H, W), 0..1, of attenuation (B, 1, H, W)."""
        gray = self.acquisition(gray_level(attenuation * uniform(attenuation, self.density)))
        for film in gray.split(1):
            if bool(happens(film, self.bordered)):
                self._add_borders(film[0, 0])
        return gray

    def _add_borders(self, film: Tensor) -> None:
        """Lay borders of one gray level over some sides of a film (H, W), in place."""
        level = float(torch.rand(())) if torch.rand(()) < 0.33 else float(torch.randint(2, ()))
        for turned in (film, film.T):
            for first in (True, False):
                width = int(torch.rand(()).item() * self.border * len(turned)) if torch.rand(()) < 0.6 else 0
                part = slice(0, width) if first else slice(len(turned) - width, len(turned))
                turned[part] = level


def heat_loss(logits: Tensor, heat: Tensor) -> Tensor:
    """Return the focal loss of maps that are 1 at a joint and fall off around it.

    Source:
        Zhou et al., Objects as points, 2019, equation 1.
    """
    chance, middle = torch.sigmoid(logits), (heat > 0.97).to(logits.dtype)
    there = logsigmoid(logits) * (1 - chance).square() * middle
    elsewhere = logsigmoid(-logits) * chance.square() * (1 - heat) ** 4 * (1 - middle)
    return -(there.sum() + elsewhere.sum()) / middle.sum().clamp(min=8.0)


def lean_loss(predicted: Tensor, lean: Tensor) -> Tensor:
    """Return the mean error of sine and cosine where a joint is near."""
    near = (lean != 0).any(dim=1, keepdim=True)
    return ((predicted - lean).abs() * near).sum() / near.sum().clamp(min=1)


class FinderStep:
    """Training step of :class:`monai.engines.SupervisedTrainer`, its ``iteration_update``.

    Args:
        exposure: of films.
        closeup_exposure: of closer looks.
        amp: compute the networks in bfloat16; the loss stays in float32.
    """

    def __init__(
        self, exposure: Exposure | None = None, closeup_exposure: Exposure | None = None, *, amp: bool = False
    ) -> None:
        self.exposure = exposure or Exposure()
        self.closeup_exposure = closeup_exposure or Exposure(bordered=0.05)
        self.amp = amp

    def __call__(self, engine: SupervisedTrainer, batchdata: Mapping[str, Mapping[str, Tensor]]) -> dict[str, Any]:
        """Take one optimiser step on a batch of ``film`` and a batch of ``closeup``."""
        device = torch.device(engine.state.device)
        network = cast(Finder, engine.network)
        network.train()
        engine.optimizer.zero_grad(set_to_none=True)
        film, closeup = batchdata["film"], batchdata["closeup"]
        losses = {
            "film_loss": self._loss(network, self.exposure(film["image"].to(device)), film["joints"], FILM_REACH, 2),
            "closeup_loss": self._loss(
                network.look_closer,
                self.closeup_exposure(closeup["image"].flatten(0, 1).to(device)),
                closeup["joints"].flatten(0, 1),
                CLOSEUP_REACH,
                1,
            ),
        }
        loss = torch.stack(list(losses.values())).sum()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        engine.optimizer.step()
        return {Keys.LOSS: loss.item(), **{name: value.item() for name, value in losses.items()}}

    def _loss(self, look: Callable[[Tensor], Tensor], gray: Tensor, joints: Tensor, reach: float, step: int) -> Tensor:
        """Return the loss of one network's answer to a batch."""
        with torch.autocast(gray.device.type, enabled=self.amp, dtype=torch.bfloat16):
            answer = look(gray.contiguous(memory_format=torch.channels_last))
        answer = answer.float()
        heat, lean = (each.to(gray.device) for each in targets(joints, answer.shape[-1], step=step, reach=reach))
        maps = answer.shape[1] - 2
        heat = heat if maps > 1 else heat.amax(dim=1, keepdim=True)
        return heat_loss(answer[:, :maps], heat) + 0.5 * lean_loss(answer[:, maps:], lean)

"""Networks that find bones where they are drawn, and some that end their process."""

import os
from pathlib import Path

import torch

from tests.support.drawn import EqualShares, joint


class Proposes(EqualShares):
    """Bones as :func:`tests.support.drawn.joint` draws them, wherever it is asked."""

    def propose(self, image):
        _, masks = joint(image.shape[2], image.shape[3])
        return torch.from_numpy(masks).float()[None]


class Kills(Proposes):
    """Takes its process with it where an image is square: always, or only as long as a file is not there."""

    def __init__(self, once=None):
        super().__init__()
        self.once = once

    def propose(self, image):
        if image.shape[2] == image.shape[3] and not (self.once and Path(self.once).exists()):
            if self.once:
                Path(self.once).touch()
            os.kill(os.getpid(), 9)
        return super().propose(image)

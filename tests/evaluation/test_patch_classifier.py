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


import numpy as np
import torch

from scripts.evaluation.patch_classifier import features, held_out_scores
from scripts.evaluation.realism import PATCH
from scripts.networks.separator import Separator


def test_the_segmenters_features_are_one_vector_a_depth() -> None:
    deep = features(Separator(), torch.rand(3, 1, *PATCH, generator=torch.Generator().manual_seed(1)))
    assert [x.shape[1] for x in deep] == [32, 32, 64, 128, 256]
    assert all(len(x) == 3 and np.isfinite(x.numpy()).all() for x in deep)


def test_patches_with_a_line_score_above_zero_and_the_others_below() -> None:
    torch.manual_seed(0)
    pictures = 0.5 + 0.1 * torch.randn(60, 1, *PATCH)
    truth = np.arange(60) < 30
    pictures[:30, :, 32] += 0.5
    cases = [str(at // 2) for at in range(60)]
    scores = held_out_scores(pictures, features(Separator(), pictures), truth, cases, folds=3, seed=0)
    assert ((scores > 0) == truth).mean() > 0.9

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


"""Classifier of patches, real or not: how much it takes each for one that is not, without having seen its case."""

from collections.abc import Sequence

import numpy as np
import torch
from skimage.feature import hog
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor
from torch.nn.functional import avg_pool2d

from scripts.networks.separator import Separator


@torch.no_grad()
def features(judge: Separator, pictures: Tensor) -> list[Tensor]:
    """Return features of patches by a separator's segmenter, shallow to deep, (N, C) each.

    Args:
        judge: whose segmenter it is.
        pictures: (N, 1, H, W), gray levels 0..1, sides multiples of 32.
    """
    device = next(judge.parameters()).device
    segmenter = judge.eval().segmenter
    parts = [[x.cpu() for x in segmenter.features(batch.to(device))] for batch in pictures.split(32)]
    return [torch.cat(depth) for depth in zip(*parts, strict=True)]


def held_out_scores(
    pictures: Tensor, deep: Sequence[Tensor], truth: np.ndarray, cases: Sequence[str], *, folds: int, seed: int
) -> np.ndarray:
    """Return for each patch how much a classifier that has not seen its case takes it for a true one; above 0: it does.

    Logistic regression on principal components of pixels, oriented gradients and the segmenter's features.

    Args:
        pictures: (N, 1, H, W), gray levels 0..1.
        deep: their :func:`features`.
        truth: (N,) bool.
        cases: the case of each patch; all patches of a case are in one fold.
        folds: of the cross-validation.
        seed: of folds and components.
    """
    pixels = avg_pool2d(pictures, 4).flatten(1).numpy()
    gradients = [
        hog(picture[0].numpy(), orientations=8, pixels_per_cell=(16, 16), cells_per_block=(1, 1))
        for picture in pictures
    ]
    classifier = make_pipeline(
        StandardScaler(),
        PCA(max(1, min(40, len(truth) // 4)), random_state=seed),
        StandardScaler(),
        LogisticRegression(C=0.1, max_iter=1000),
    )
    held_out = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    inputs = np.concatenate([pixels, np.stack(gradients), torch.cat(list(deep), dim=1).numpy()], axis=1)
    return np.asarray(
        cross_val_predict(classifier, inputs, truth, groups=cases, cv=held_out, method="decision_function")
    )

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

"""Rigid registration of one bone between two visits, with the uncertainty of where it lies."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates, spline_filter
from scipy.optimize import least_squares

from scripts.measurement.joint_series import Point

SCALES = ((6.0, 5), (3.0, 3), (2.0, 3))
"""Gaussians, px, from coarse to fine, and at each how far apart the pixels lie that are compared."""

SEARCH_PX, SEARCH_DEGREES, SEARCH_STEP = (20.0, 16.0), 4.0, 4.0
"""How far a bone is looked for, down and across and by its turn; and the step of that search, px."""

TUKEY = 4.685
"""Residuals beyond so many standard deviations do not count (Tukey's biweight, 95 % efficient)."""

ROUNDS = 6
"""Rounds of new weights at each scale, at most."""

TILE = 28
"""Side of the squares, px, of which each is one witness: what lies within one errs together."""

LIKENESS = (6.0, 4.0)
"""How far one bone's motion is expected from the other's: degrees of its turn, px across the joint."""


@dataclass(frozen=True, kw_only=True)
class Motion:
    """Motion of a bone between two visits.

    Attributes:
        shift: (down, across), px, of the point ``about`` of the first visit beyond that of the second.
        turn: degrees, to the right.
        covariance: (2, 2), of the shift, px2.
        correlation: of both visits' gradients after registration, -1..1.
        coarser: the motion that was found one scale coarser.
    """

    shift: np.ndarray
    turn: float
    covariance: np.ndarray
    correlation: float
    coarser: "Motion | None" = None

    @property
    def inverse(self) -> "Motion":
        """The way back, of the second visit's point ``about``."""
        back = -turned(self.shift, -math.radians(self.turn))
        return Motion(shift=back, turn=-self.turn, covariance=self.covariance, correlation=self.correlation)

    def of(self, point: Point | np.ndarray, fixed: "Bone", moving: "Bone") -> np.ndarray:
        """Return where a point of the first visit lies at the second one."""
        arm = np.subtract(point, fixed.about)
        return np.asarray(turned(arm, math.radians(self.turn)) + moving.about + self.shift)


@dataclass(frozen=True)
class Bone:
    """A bone at one visit.

    Attributes:
        image: (H, W), attenuation.
        region: (H, W) bool, where it is compared.
        about: the point about which it turns, as nearly as it is known.
        axis: unit vector (down, across) of the joint.
    """

    image: np.ndarray
    region: np.ndarray
    about: Point
    axis: np.ndarray
    _gradients: dict[float, "Gradient"] = field(default_factory=dict)

    def gradient(self, sigma: float) -> "Gradient":
        """Measure the gradient at a scale, once."""
        if sigma not in self._gradients:
            self._gradients[sigma] = Gradient.measure(self.image, sigma)
        return self._gradients[sigma]

    def pixels(self, stride: int) -> np.ndarray:
        """Return every ``stride``-th row and column of the region, (2, N)."""
        rows, columns = np.nonzero(self.region[::stride, ::stride])
        return np.stack([rows, columns]).astype(np.float64) * stride


@dataclass(frozen=True)
class Gradient:
    """Gradient of a smoothed image.

    Attributes:
        first: d/drow and d/dcolumn, coefficients of cubic splines.
        second: d2/drow2, d2/drow dcolumn, d2/dcolumn2.
    """

    first: tuple[np.ndarray, np.ndarray]
    second: tuple[np.ndarray, np.ndarray, np.ndarray]

    @classmethod
    def measure(cls, image: np.ndarray, sigma: float) -> "Gradient":
        """Measure it by derivatives of a Gaussian of ``sigma`` px."""
        down, across = (
            gaussian_filter(image, sigma, order=order, mode="nearest", truncate=3.0, output=np.float32)
            for order in ((1, 0), (0, 1))
        )
        splines = (spline_filter(each, 3, output=np.float32) for each in (down, across))
        return cls((next(splines), next(splines)), (*np.gradient(down), np.gradient(across, axis=1)))

    def at(self, points: np.ndarray) -> np.ndarray:
        """Sample it at points (2, N); (2, N)."""
        return np.stack([map_coordinates(x, points, order=3, prefilter=False, mode="nearest") for x in self.first])

    def slope_at(self, points: np.ndarray) -> np.ndarray:
        """Sample its derivatives at points (2, N), linearly, as they only lead the way; (3, N)."""
        return np.stack([map_coordinates(each, points, order=1, mode="nearest") for each in self.second])


def register(
    fixed: Bone,
    moving: Bone,
    *,
    turn: float = 0.0,
    near: Motion | None = None,
    like: Motion | None = None,
    scales: Sequence[tuple[float, int]] | None = None,
) -> Motion:
    """Register a bone by the gradient of its attenuation, robustly.

    A coarse search by correlation; then least squares on both components of the gradient, from coarse to fine, with
    Tukey's weights and a free gain.

    Args:
        fixed: the bone at the first visit.
        moving: at the second one.
        turn: degrees by which it is expected to be turned there, to the right.
        near: a motion near to the one that is looked for; it spares the search.
        like: motion of the other bone of the finger, at this one's point ``about``. A metacarpal that is turned about
            its own length between visits shows other trabeculae at another place, its outline stays: its turn and its
            place across the joint are held near to the phalanx'.
        scales: as :data:`SCALES`; all of them if not given, near to a motion all but the coarsest.
    """
    state = _search(fixed, moving, turn, like) if near is None else np.array([*near.shift, math.radians(near.turn), 0])
    motion = None
    for sigma, stride in scales or (SCALES if near is None else SCALES[1:]):
        comparison = _Comparison(fixed, moving, sigma, stride, like)
        state = comparison.solve(state)
        motion = replace(comparison.motion(state), coarser=motion)
    assert motion is not None
    return motion


def turned(vectors: np.ndarray, radians: float) -> np.ndarray:
    """Turn vectors (down, across), (2, ...), to the right, as a picture is seen."""
    cosine, sine = math.cos(radians), math.sin(radians)
    return np.stack([cosine * vectors[0] + sine * vectors[1], cosine * vectors[1] - sine * vectors[0]])


def _search(fixed: Bone, moving: Bone, turn: float, like: Motion | None) -> np.ndarray:
    """Find the shift and turn at which gradients correlate best on a coarse grid; shift (2), turn, 0."""
    sigma = SCALES[0][0]
    points = fixed.pixels(round(SEARCH_STEP) + 1)
    own = fixed.gradient(sigma).at(points)
    down, across = (np.arange(-reach, reach + 1, SEARCH_STEP) for reach in SEARCH_PX)
    shifts, reach = np.stack(np.meshgrid(down, across, indexing="ij")).reshape(2, -1), SEARCH_DEGREES
    if like is not None:
        shifts = shifts[:, np.abs(shifts[1]) <= SEARCH_PX[1] / 2] + like.shift[:, None]
        turn, reach = like.turn, SEARCH_DEGREES / 2
    best, state = -2.0, np.zeros(4)
    for degrees in np.arange(-reach, reach + 1, 2.0):
        radians = math.radians(turn + degrees)
        at = turned(points - np.array(fixed.about)[:, None], radians) + np.array(moving.about)[:, None]
        where = (at[:, None, :] + shifts[:, :, None]).reshape(2, -1)
        other = np.stack([map_coordinates(x, where, order=1, mode="constant") for x in moving.gradient(sigma).first])
        other = turned(other, -radians).reshape(2, shifts.shape[1], -1)
        size = np.sqrt((other**2).sum(axis=(0, 2)) * (own**2).sum())
        score = np.einsum("csn,cn->s", other, own) / np.maximum(size, 1e-9)
        if score.max() > best:
            best, state = score.max(), np.array([*shifts[:, score.argmax()], radians, 0.0])
    return state


class _Comparison:
    """Least squares at one scale; the state is the shift (2), the turn in radians and the logarithm of the gain."""

    def __init__(self, fixed: Bone, moving: Bone, sigma: float, stride: int, like: Motion | None) -> None:
        self.points = fixed.pixels(stride)
        self.arm = self.points - np.array(fixed.about)[:, None]
        self.about = np.array(moving.about)[:, None]
        self.own = fixed.gradient(sigma).at(self.points)
        self.unit = max(1e-9, float(np.sqrt((self.own**2).mean())))
        self.moving = moving.gradient(sigma)
        self.sides = np.array(moving.image.shape)[:, None] - 1
        self.like = like
        self.right = np.array([fixed.axis[1], -fixed.axis[0]])
        self.witness = TILE / stride
        self.answers: dict[bytes, tuple[np.ndarray, np.ndarray]] = {}

    def _answer(self, state: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return places and the second visit's gradient there, seen from the first; kept for the same state again."""
        key = state.tobytes()
        if key not in self.answers:
            where = turned(self.arm, state[2]) + self.about + state[:2, None]
            self.answers = {key: (where, math.exp(state[3]) * turned(self.moving.at(where), -state[2]))}
        return self.answers[key]

    def _counted(self, each: np.ndarray, where: np.ndarray) -> np.ndarray:
        inside = ((where >= 0) & (where <= self.sides)).all(axis=0)
        return np.asarray((each * inside / self.unit).ravel())

    def residuals(self, state: np.ndarray) -> np.ndarray:
        """Return (2 N) differences in units of the gradient's own size."""
        where, seen = self._answer(state)
        return self._counted(seen - self.own, where)

    def jacobian(self, state: np.ndarray) -> np.ndarray:
        """Return (2 N, 4), the derivatives of the residuals."""
        where, seen = self._answer(state)
        rr, rc, cc = self.moving.slope_at(where)
        gain = math.exp(state[3])
        down, across = (gain * turned(np.stack(pair), -state[2]) for pair in ((rr, rc), (rc, cc)))
        arm = where - self.about - state[:2, None]
        swing = down * arm[1] - across * arm[0] + np.stack([-seen[1], seen[0]])
        return np.stack([self._counted(each, where) for each in (down, across, swing, seen)], axis=1)

    def expected(self, state: np.ndarray, spread: float) -> tuple[np.ndarray, np.ndarray]:
        """Return residuals and derivatives of the likeness to the other bone's motion; it counts as one witness."""
        if self.like is None:
            return np.zeros(0), np.zeros((0, 4))
        size = spread * self.witness
        by_turn, by_place = size / math.radians(LIKENESS[0]), size / LIKENESS[1]
        turn = by_turn * (state[2] - math.radians(self.like.turn))
        place = by_place * ((state[:2] - self.like.shift) @ self.right)
        slopes = np.array([[0, 0, by_turn, 0], [*(by_place * self.right), 0, 0]])
        return np.array([turn, place]), slopes

    def solve(self, state: np.ndarray) -> np.ndarray:
        """Return the best state near a given one: weighted least squares, weighted anew until it rests."""
        for _ in range(ROUNDS):
            residuals = self.residuals(state)
            spread = _spread(residuals)
            root = np.sqrt(_weights(residuals, spread))

            def weighted(x: np.ndarray, root: np.ndarray = root, spread: float = spread) -> np.ndarray:
                return np.concatenate([root * self.residuals(x), self.expected(x, spread)[0]])

            def slopes(x: np.ndarray, root: np.ndarray = root, spread: float = spread) -> np.ndarray:
                return np.concatenate([root[:, None] * self.jacobian(x), self.expected(x, spread)[1]])

            scale = np.array([1.0, 1.0, 0.02, 0.1])
            done = least_squares(weighted, state, slopes, method="lm", x_scale=scale, xtol=1e-3, ftol=1e-4, max_nfev=6)
            moved = float(np.abs((done.x - state) / scale)[:3].max())
            state = done.x
            if moved < 0.003:
                break
        return np.asarray(state)

    def motion(self, state: np.ndarray) -> Motion:
        """Return the motion; its covariance is that of the squares' (:data:`TILE`) pulls (cluster-robust)."""
        residuals, jacobian = self.residuals(state), self.jacobian(state)
        spread = _spread(residuals)
        weights = _weights(residuals, spread)
        expected, slopes = self.expected(state, spread)
        normal = (jacobian * weights[:, None]).T @ jacobian + slopes.T @ slopes + 1e-9 * np.eye(4)
        _, tile = np.unique(self.points // TILE, axis=1, return_inverse=True)
        pulls = np.zeros((tile.max() + 1, 4))
        np.add.at(pulls, np.tile(tile.ravel(), 2), jacobian * (weights * residuals)[:, None])
        pulls = np.concatenate([pulls, slopes * expected[:, None]])
        inverse = np.linalg.inv(normal)
        covariance = inverse @ (pulls.T @ pulls) @ inverse * len(pulls) / max(1, len(pulls) - 1)
        where, seen = self._answer(state)
        first, second = self._counted(self.own, where), self._counted(seen, where)
        correlation = (first @ second) / max(1e-12, math.sqrt((first @ first) * (second @ second)))
        turn = math.degrees(state[2])
        return Motion(shift=state[:2], turn=turn, covariance=covariance[:2, :2], correlation=float(correlation))


def _spread(residuals: np.ndarray) -> float:
    """Return the standard deviation of residuals by their median."""
    return max(1e-6, 1.4826 * float(np.median(np.abs(residuals))))


def _weights(residuals: np.ndarray, spread: float) -> np.ndarray:
    """Return Tukey's weights."""
    return np.asarray(np.clip(1.0 - (residuals / (TUKEY * spread)) ** 2, 0.0, None) ** 2)

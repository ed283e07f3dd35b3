"""Inputs that stress an operation: radii to the edge, near, equal, opposite and aligned pairs, zero and huge tangents.

Radii, gaps and lengths are in units of 1/sqrt(c). Inputs are rounded to the dtype under test and then count as exact.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import mpmath as mp
import numpy as np
from numpy.typing import NDArray

from .oracle import vector
from .oracle._vector import dot

# Largest radius at which accuracy is promised, and largest distance whose sinh the dtype holds.
PROMISED_RADIUS = {"bfloat16": 3.0, "float16": 3.0, "float32": 15.0, "float64": 30.0}
SINH_LIMIT = {"bfloat16": 88.0, "float16": 11.0, "float32": 88.0, "float64": 709.0}


@dataclass(frozen=True)
class Plan:
    """Which inputs to make.

    Attributes:
        radii: generic pairs, one point at the radius and one at the same radius or at 1.3.
        near: radii of pairs that lie `gaps` apart.
        equal: radii of pairs x == y.
        opposite: radii of antipodal pairs, and of aligned pairs at 0.6 of the radius.
        tangent_radii, tangent_lengths: base points and lengths of tangents.
        overflow: radii that only the hyperboloid can represent.
        outside: also points on and beyond the boundary (ball only).
    """

    radii: Sequence[float]
    near: Sequence[float] = ()
    gaps: Sequence[float] = (1e-7, 1e-5, 1e-3, 1e-1)
    equal: Sequence[float] = ()
    opposite: Sequence[float] = ()
    tangent_radii: Sequence[float] = ()
    tangent_lengths: Sequence[float] = ()
    overflow: Sequence[float] = ()
    outside: bool = False


FULL = Plan(
    radii=(1e-8, 1e-4, 0.1, 1, 3, 5, 8, 10, 12, 15, 20, 30),
    near=(0.1, 1, 5, 8, 12, 15, 30),
    equal=(1e-8, 0.1, 3, 8, 12, 15),
    opposite=(1e-4, 1, 5, 10, 15),
    tangent_radii=(0, 3, 12),
    tangent_lengths=(0.0, 1e-8, 1e-3, 10.0, 30.0, 1000.0),
    overflow=(60, 80),
    outside=True,
)
SHORT = Plan(radii=(0.01, 0.5, 1, 2, 3), gaps=(0.1,), near=(1,), equal=(1,), opposite=(1,),
             tangent_radii=(0, 1), tangent_lengths=(0.0, 0.5))  # fmt: skip


def plan_for(dtype: str) -> Plan:
    """The full plan where the dtype can hold it; a short one for bfloat16 and float16."""
    return FULL if dtype in ("float32", "float64") else SHORT


@dataclass(frozen=True)
class Batch:
    """Rows of inputs: `arrays` by letter (see `Operation.arguments`), and what each row is.

    Attributes:
        regime: "generic", "near", "equal", "origin", "origin_both", "tangent", "tangent_zero", "tangent_huge",
            "overflow" or "outside".
        radius: distance of the farther point from the origin, in units of 1/sqrt(c).
        length: length of the row's tangents, or gap of the pair.
        chart: the same inputs without time coordinates.
    """

    model: str
    dtype: str
    regime: list[str]
    radius: NDArray[np.float64]
    length: NDArray[np.float64]
    c: NDArray[Any]
    arrays: dict[str, NDArray[Any]]
    chart: dict[str, NDArray[Any]]


def point_at(model: str, radius: float, direction: NDArray[Any], c: float) -> NDArray[Any]:
    """Chart coordinates of the point at a distance of radius / sqrt(c) from the origin."""
    length = {"poincare": np.tanh(radius / 2), "hyperboloid": np.sinh(radius), "euclidean": radius}[model]
    return length / np.sqrt(c) * direction


def tangent_at(model: str, x: NDArray[Any], length: float, direction: NDArray[Any], c: float) -> NDArray[Any]:
    """Chart coordinates of a tangent at x of Riemannian length length / sqrt(c), uniform over directions."""
    if model == "poincare":
        gap = max(1 - c * float(x @ x), 1e-17)
        return gap * length / (2 * np.sqrt(c)) * direction
    if model == "hyperboloid" and np.linalg.norm(x) > 0:
        radial = x / np.linalg.norm(x)
        stretch = np.sqrt(1 + c * float(x @ x)) - 1
        direction = direction + stretch * (radial @ direction) * radial
    return length / np.sqrt(c) * direction


def with_time(kind: str, spatial: NDArray[Any], base: NDArray[Any], c: float) -> NDArray[Any]:
    """Ambient array over a spatial part: the time of a point, or of a tangent at `base`."""
    time = np.sqrt(1 / c + base @ base)
    return np.concatenate([[time if kind == "point" else (spatial @ base) / time], spatial])


def inside(x: NDArray[Any], c: float) -> bool:
    """Whether c|x|^2 < 1 holds exactly."""
    with mp.workdps(80):
        coordinates = vector(x)
        return bool(mp.mpf(float(c)) * dot(coordinates, coordinates) < 1)


class _Maker:
    """Makes the rows of one curvature."""

    def __init__(self, model: str, dtype: str, dim: int, c: float, rng: np.random.Generator) -> None:
        self.model, self.dim, self.rng = model, dim, rng
        self.dtype: np.dtype[Any] = np.dtype(dtype)
        self.c = float(self.dtype.type(c))
        self.rows: list[dict[str, Any]] = []

    def direction(self) -> NDArray[Any]:
        u = self.rng.standard_normal(self.dim)
        return u / np.linalg.norm(u)

    def rounded(self, a: NDArray[Any]) -> NDArray[Any]:
        return a.astype(self.dtype)

    def at(self, radius: float, direction: NDArray[Any] | None = None) -> NDArray[Any]:
        return point_at(self.model, radius, self.direction() if direction is None else direction, self.c)

    def put(self, regime: str, radius: float, x: NDArray[Any], y: NDArray[Any], length: float = 1.0) -> None:
        x, y = self.rounded(x), self.rounded(y)
        if regime != "outside" and self.model == "poincare" and not (inside(x, self.c) and inside(y, self.c)):
            return  # rounding moved the point onto the boundary
        base, at_origin = x.astype(np.float64), np.zeros(self.dim)
        tangents = min(length, 30.0) if regime == "near" else length
        z = self.at(0.7)
        chart = {
            "x": x,
            "y": y,
            "a": self.rounded(with_time("point", z, z, self.c) if self.model == "hyperboloid" else z),
            "v": self.rounded(tangent_at(self.model, base, tangents, self.direction(), self.c)),
            "u": self.rounded(tangent_at(self.model, base, 1.0, self.direction(), self.c)),
            "o": self.rounded(tangent_at(self.model, at_origin, tangents, self.direction(), self.c)),
            "g": self.rounded(self.rng.standard_normal(self.dim + (self.model == "hyperboloid"))),
            "r": self.rounded(np.asarray(self.rng.uniform(-2.0, 2.0))),
            "t": self.rounded(np.asarray(self.rng.uniform(0.1, 0.9))),
        }
        self.rows.append({"regime": regime, "radius": float(radius), "length": float(length), "chart": chart})

    def pairs(self, plan: Plan, beyond: bool) -> None:
        promised = PROMISED_RADIUS[self.dtype.name]
        for radius in (r for r in plan.radii if beyond or r <= promised):
            x = self.at(radius)
            self.put("generic", radius, x, self.at(radius))
            self.put("generic", radius, self.at(radius), self.at(1.3))
        for radius in (r for r in plan.near if beyond or r <= promised):
            for gap in plan.gaps:
                x = self.at(radius)
                self.put("near", radius, x, x + tangent_at(self.model, x, gap, self.direction(), self.c), gap)
        for radius in plan.equal:
            x = self.at(radius)
            self.put("equal", radius, x, x)
        for radius in plan.opposite:
            x = self.at(radius)
            self.put("generic", radius, x, -x)
            self.put("generic", radius, x, self.at(radius * 0.6, x / np.linalg.norm(x)))
        zero = np.zeros(self.dim)
        self.put("origin", 1, zero, self.at(1.0))
        self.put("origin", 3, self.at(3.0), zero)
        self.put("origin_both", 0, zero, zero)

    def tangents(self, plan: Plan) -> None:
        for radius in plan.tangent_radii:
            for length in plan.tangent_lengths:
                regime = "tangent_zero" if length == 0 else "tangent_huge" if length > 100 else "tangent"
                self.put(regime, radius, self.at(radius), self.at(1.0), length)

    def extremes(self, plan: Plan) -> None:
        if self.model == "hyperboloid":
            for radius in (*plan.overflow, *((300,) if self.dtype == np.float64 and plan.overflow else ())):
                self.put("overflow", radius, self.at(radius), self.at(radius))
        if self.model == "poincare" and plan.outside:
            for factor in (1.0, 1.0001, 2.0):
                axis = np.eye(self.dim)[0] if factor == 1.0 else self.direction()
                self.put("outside", 99, factor / np.sqrt(self.c) * axis, self.at(1.0))
                self.put("outside", 99, self.at(1.0), factor / np.sqrt(self.c) * axis)


def make_batch(model: str, dtype: str, dim: int, curvatures: Sequence[float], seed: int, plan: Plan) -> Batch:
    """All rows of a plan, for every curvature."""
    made: list[tuple[float, dict[str, Any]]] = []
    for number, c in enumerate(curvatures):
        maker = _Maker(model, dtype, dim, c, np.random.default_rng([seed, dim, number]))
        maker.pairs(plan, beyond=model == "hyperboloid")
        maker.tangents(plan)
        maker.extremes(plan)
        made += [(maker.c, row) for row in maker.rows]
    rows = [row for _, row in made]
    chart = {k: np.stack([row["chart"][k] for row in rows]) for k in rows[0]["chart"]}
    arrays = dict(chart)
    if model == "hyperboloid":
        kinds = {"x": "point", "y": "point", "v": "x", "u": "x", "o": "origin"}
        for letter, kind in kinds.items():
            ambient = []
            for c, row in made:
                own = row["chart"][letter].astype(np.float64)
                base = own if kind == "point" else row["chart"]["x"].astype(np.float64) if kind == "x" else own * 0
                ambient.append(with_time(kind, own, base, c))
            arrays[letter] = np.stack(ambient).astype(np.dtype(dtype))
            arrays[letter][:, 1:] = chart[letter]
    return Batch(
        model=model,
        dtype=dtype,
        regime=[row["regime"] for row in rows],
        radius=np.array([row["radius"] for row in rows]),
        length=np.array([row["length"] for row in rows]),
        c=np.array([c for c, _ in made]).astype(np.dtype(dtype)),
        arrays=arrays,
        chart=chart,
    )

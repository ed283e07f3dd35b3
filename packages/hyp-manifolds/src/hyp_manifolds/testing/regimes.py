"""Inputs that stress an operation: radii to the edge, near, equal, opposite and aligned pairs, zero and huge tangents.

Radii, gaps and lengths are in units of 1/sqrt|c|. Inputs are rounded to the dtype under test and then count as exact.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .oracle import ORACLES, Oracle
from .oracle._chart import unit_of


@dataclass(frozen=True)
class Plan:
    """Which inputs to make.

    Attributes:
        radii: generic pairs, one point at the radius and one at the same radius or at 1.3.
        near: radii of pairs that lie `gaps` apart.
        equal: radii of pairs x == y.
        opposite: radii of pairs x, -x, and of aligned pairs at 0.6 of the radius.
        facing: multiples of the radii of `opposite` at which y lies on the other side of the origin from x.
        antipodal: gaps between y and the point opposite to x, where there is one.
        tangent_radii, tangent_lengths: base points and lengths of tangents.
        overflow: radii that only unbounded models can represent.
        outside: also points on and beyond the boundary, where there is one.
    """

    radii: Sequence[float]
    near: Sequence[float] = ()
    gaps: Sequence[float] = (1e-7, 1e-5, 1e-3, 1e-1)
    equal: Sequence[float] = ()
    opposite: Sequence[float] = ()
    facing: Sequence[float] = ()
    antipodal: Sequence[float] = ()
    tangent_radii: Sequence[float] = ()
    tangent_lengths: Sequence[float] = ()
    overflow: Sequence[float] = ()
    outside: bool = False


FULL = Plan(
    radii=(1e-8, 1e-6, 1e-4, 0.1, 1, 3, 5, 8, 10, 12, 15, 20, 30, 40),
    near=(0.1, 1, 5, 8, 12, 15, 30),
    equal=(1e-8, 0.1, 3, 8, 12, 15),
    opposite=(1e-4, 1, 5, 10, 15),
    antipodal=(0.0, 1e-7, 1e-5, 1e-3, 1e-1),
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
        regime: "generic", "near", "equal", "origin", "origin_both", "antipode", "antipodal", "tangent",
            "tangent_zero", "tangent_huge", "overflow" or "outside".
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


class _Maker:
    """Makes the rows of one curvature."""

    def __init__(self, oracle: Oracle, dtype: str, dim: int, c: float, rng: np.random.Generator) -> None:
        self.oracle, self.chart, self.dim, self.rng = oracle, oracle.chart, dim, rng
        self.dtype: np.dtype[Any] = np.dtype(dtype)
        self.c = float(self.dtype.type(c))
        self.rows: list[dict[str, Any]] = []

    def direction(self) -> NDArray[Any]:
        u = self.rng.standard_normal(self.dim)
        return u / np.linalg.norm(u)

    def rounded(self, a: NDArray[Any]) -> NDArray[Any]:
        return a.astype(self.dtype)

    def at(self, radius: float, direction: NDArray[Any] | None = None) -> NDArray[Any]:
        return self.chart.point_at(radius, self.direction() if direction is None else direction, self.c)

    def nudged(self, x: NDArray[Any], gap: float) -> NDArray[Any]:
        return self.chart.step(x, self.chart.tangent_at(x, gap, self.direction(), self.c), self.c)

    def within(self, radii: Sequence[float]) -> list[float]:
        """The radii that exist and that the dtype can hold."""
        limit = np.inf if self.chart.unbounded else self.chart.promised[self.dtype.name]
        return [r for r in radii if r <= limit and r < self.chart.reach(self.c)]

    def put(self, regime: str, radius: float, x: NDArray[Any], y: NDArray[Any], length: float = 1.0) -> None:
        x, y, chart = self.rounded(x), self.rounded(y), self.chart
        if regime != "outside" and not (chart.contains(x, self.c) and chart.contains(y, self.c)):
            return  # rounding moved the point onto the boundary
        base, at_origin = x.astype(np.float64), chart.origin(self.dim, self.c)
        tangents = min(length, 30.0) if regime in ("near", "antipodal") else length
        start = radius if regime == "overflow" else tangents  # of the tangent at the origin
        z = self.at(0.7)
        whole = chart.lift("point", z, z, self.c)
        row = {
            "x": x,
            "y": y,
            "a": self.rounded(whole),
            "v": self.rounded(chart.tangent_at(base, tangents, self.direction(), self.c)),
            "u": self.rounded(chart.tangent_at(base, 1.0, self.direction(), self.c)),
            "o": self.rounded(chart.tangent_at(at_origin, start, self.direction(), self.c)),
            "g": self.rounded(self.rng.standard_normal(len(whole))),
            "r": self.rounded(np.asarray(self.rng.uniform(-2.0, 2.0))),
            "t": self.rounded(np.asarray(self.rng.uniform(0.1, 0.9))),
        }
        own = np.random.default_rng([len(self.rows), self.dim])  # the letters before keep their values
        row["d"] = self.rounded(np.asarray(own.uniform(-2.0, 2.0) * unit_of(self.c)))
        ideal = own.standard_normal(self.dim)
        if len(self.rows) % 3 == 0 and np.any(ahead := chart.bearing(base)):
            ideal = ahead + 10.0 ** own.uniform(-6.0, 0.0) * ideal  # the point lies far toward the ideal point
        row["i"] = self.rounded(ideal / np.linalg.norm(ideal))
        self.rows.append({"regime": regime, "radius": float(radius), "length": float(length), "chart": row})

    def pairs(self, plan: Plan) -> None:
        for radius in self.within(plan.radii):
            x = self.at(radius)
            self.put("generic", radius, x, self.at(radius))
            self.put("generic", radius, self.at(radius), self.at(1.3))
        for radius in self.within(plan.near):
            for gap in plan.gaps:
                x = self.at(radius)
                self.put("near", radius, x, self.nudged(x, gap), gap)
        for radius in self.within(plan.equal):
            x = self.at(radius)
            self.put("equal", radius, x, x)
        for radius in self.within(plan.opposite):
            u = self.direction()
            self.put("generic", radius, self.at(radius, u), self.at(radius, -u))
            self.put("generic", radius, self.at(radius, u), self.at(radius * 0.6, u))
        zero = self.chart.origin(self.dim, self.c)
        self.put("origin", 1, zero, self.at(1.0))
        self.put("origin", 3, self.at(3.0), zero)
        self.put("origin_both", 0, zero, zero)

    def antipodes(self, plan: Plan) -> None:
        reach = self.chart.reach(self.c)
        for radius in (0.5, 1.5, 2.5) if np.isfinite(reach) else ():
            for gap in plan.antipodal:
                u = self.direction()
                x, y = self.at(radius, u), self.at(reach - radius, -u)
                self.put("antipodal" if gap else "antipode", 3, x, self.nudged(y, gap) if gap else y, gap)

    def tangents(self, plan: Plan) -> None:
        for radius in self.within(plan.tangent_radii):
            for length in plan.tangent_lengths:
                regime = "tangent_zero" if length == 0 else "tangent_huge" if length > 100 else "tangent"
                self.put(regime, radius, self.at(radius), self.at(1.0), length)

    def extremes(self, plan: Plan) -> None:
        for radius in self.within((*plan.overflow, *((300,) if self.dtype == np.float64 and plan.overflow else ()))):
            self.put("overflow", radius, self.at(radius), self.at(radius))
            self.put("overflow", radius, self.at(radius), self.at(1.3))
        edge = self.chart.boundary(self.c) or 0.0
        for factor in (1.0, 1.0001, 2.0) if edge and plan.outside else ():
            axis = np.eye(self.dim)[0] if factor == 1.0 else self.direction()
            self.put("outside", 99, factor * edge * axis, self.at(1.0))
            self.put("outside", 99, self.at(1.0), factor * edge * axis)

    def facing(self, plan: Plan) -> None:
        for radius in self.within(plan.opposite):
            for other in self.within([share * radius for share in plan.facing]):
                u = self.direction()
                self.put("generic", max(radius, other), self.at(radius, u), self.at(other, -u))


def make_batch(
    model: str, dtype: str, dim: int, curvatures: Sequence[float], seed: int, plan: Plan, oracle: Oracle | None = None
) -> Batch:
    """All rows of a plan, for every curvature; `oracle` is that of the model, unless given."""
    exact = oracle or ORACLES[model]
    made: list[tuple[float, dict[str, Any]]] = []
    for number, c in enumerate(curvatures):
        maker = _Maker(exact, dtype, dim, c, np.random.default_rng([seed, dim, number]))
        maker.pairs(plan)
        maker.antipodes(plan)
        maker.tangents(plan)
        maker.extremes(plan)
        maker.facing(plan)  # the latest comes last: the rows before keep their numbers
        made += [(maker.c, row) for row in maker.rows]
    rows = [row for _, row in made]
    chart = {k: np.stack([row["chart"][k] for row in rows]) for k in rows[0]["chart"]}
    arrays = dict(chart)
    kinds = {"x": "point", "y": "point", "v": "x", "u": "x", "o": "origin"} if exact.time else {}
    for letter, kind in kinds.items():
        ambient = []
        for c, row in made:
            own = row["chart"][letter].astype(np.float64)
            base = row["chart"]["x"].astype(np.float64) if kind == "x" else own * (kind == "point")
            ambient.append(exact.chart.lift(kind, own, base, c))
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

"""Hostile inputs in float32: the edge of the domain, coincident points, tangents of every length, denormals, NaN."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from hyp_manifolds.testing import Batch, Plan, make_batch, oracle

CURVATURES = tuple(10.0**k for k in range(-6, 4))
SIGNED = (-1e3, -10.0, -1.0, -1e-3, -1e-6, 0.0, 1e-6, 1e-3, 0.1, 1.0, 10.0, 1e3)
PLAN = Plan(
    radii=(1e-30, 1e-12, 1e-8, 1e-4, 0.1, 1, 3, 5, 6, 8, 10, 12, 13, 14, 15, 20, 40),
    near=(0.1, 1, 5, 8, 12, 15),
    equal=(1e-30, 1e-8, 0.1, 3, 8, 12, 15),
    opposite=(1e-8, 1e-4, 1, 5, 10, 15),
    antipodal=(0.0, 1e-7, 1e-3),
    tangent_radii=(0, 1e-8, 3, 8, 12, 15),
    tangent_lengths=(0.0, 1e-38, 1e-30, 1e-15, 1e-8, 1e-3, 1.0, 10.0, 15.0, 30.0, 1e3, 1e10, 1e30),
    overflow=(60, 80),
    outside=True,
)
# In eps of float32 from the boundary: the last points that there are.
_LAST = (1, 2, 4)
_DENORMAL = 1e-40
_ORDINARY_RADIUS = 3.0
_POISON = {"NaN": (np.nan,), "infinite": (np.inf, -np.inf)}
_KINDS = {
    "near": "coincident", "equal": "coincident", "origin": "coincident", "origin_both": "coincident",
    "antipode": "coincident", "antipodal": "coincident", "tangent": "tangents", "tangent_zero": "tangents",
    "tangent_huge": "tangents", "overflow": "edge", "outside": "outside", "denormal": "denormals", "edge": "edge",
}  # fmt: skip


@dataclass(frozen=True)
class Cases:
    """Rows of arguments for one operation.

    Attributes:
        batch: the inputs behind them; a poisoned row is there as it was before.
        rows: of the batch, one for each row of arguments.
        kind: one of `KINDS` each.
        arguments: arrays in the operation's order, c last.
    """

    batch: Batch
    rows: np.ndarray
    kind: np.ndarray
    arguments: list[np.ndarray]


def make(model: str, dim: int, curvatures: Sequence[float], seed: int = 0) -> Batch:
    """All rows of the plan, with points at the edge and denormals added."""
    with np.errstate(over="ignore"):  # the longest tangents leave float32; operations that take them drop such rows
        batch = make_batch(model, "float32", dim, curvatures, seed, PLAN)
    extra = [*_last_points(batch), *_denormals(batch)]
    rows = np.array([row for _, row, _ in extra], int)
    chart = {k: np.concatenate([a, a[rows]]) for k, a in batch.chart.items()}
    arrays = {k: np.concatenate([a, a[rows]]) for k, a in batch.arrays.items()}
    total = len(batch.regime)
    for at, (_, _, change) in enumerate(extra):
        for letter, value in change.items():
            chart[letter][total + at] = value[len(value) - chart[letter].shape[1] :]
            arrays[letter][total + at] = value
    return replace(
        batch,
        regime=batch.regime + [regime for regime, _, _ in extra],
        radius=np.concatenate([batch.radius, batch.radius[rows]]),
        length=np.concatenate([batch.length, batch.length[rows]]),
        c=np.concatenate([batch.c, batch.c[rows]]),
        arrays=arrays,
        chart=chart,
    )


Change = tuple[str, int, dict[str, np.ndarray]]


def _last_points(batch: Batch) -> list[Change]:
    """The outermost pairs of every curvature, moved on to the last points inside."""
    chart = oracle.ORACLES[batch.model].chart
    generic = [i for i, regime in enumerate(batch.regime) if regime == "generic" and batch.radius[i] > 5]
    found: list[Change] = []
    for c in np.unique(batch.c):
        edge = chart.boundary(float(c)) or 0.0
        own = [i for i in generic if batch.c[i] == c][-2:]
        for row in own if edge else ():
            for steps in _LAST:
                moved: dict[str, np.ndarray] = {}
                for letter in "xy":
                    x = batch.arrays[letter][row].astype(np.float64)
                    inside = edge * (1 - steps * 2.0**-23) / np.linalg.norm(x) * x
                    moved[letter] = inside.astype(np.float32)
                if all(chart.contains(x, float(c)) for x in moved.values()):
                    found.append(("edge", row, moved))
    return found


def _denormals(batch: Batch) -> list[Change]:
    """Numbers below the normal ones: points beside the origin, tangents, and both."""
    found: list[Change] = []
    chart = oracle.ORACLES[batch.model].chart
    for c in np.unique(batch.c):
        row = next(i for i, r in enumerate(batch.regime) if r == "generic" and batch.radius[i] == 1 and batch.c[i] == c)
        origin = chart.origin(batch.chart["v"].shape[1] - (batch.model == "sphere"), float(c)).astype(np.float32)
        tiny = np.float32(_DENORMAL) * np.sign(batch.chart["o"][row])
        if batch.model == "sphere":
            tiny[0] = 0.0
        beside = np.where(origin == 0, tiny, origin)
        whole = batch.arrays["x"].shape[1] - len(beside)  # the time coordinate, which the chart leaves out
        point = np.concatenate([np.full(whole, 1 / np.sqrt(abs(c) or 1.0), np.float32), beside])
        vector = np.concatenate([np.zeros(whole, np.float32), tiny])
        found += [
            ("denormal", row, {"x": point}),
            ("denormal", row, {"y": point}),
            ("denormal", row, {"x": point, "y": point}),
            ("denormal", row, {"v": vector, "o": vector, "g": vector}),
            ("denormal", row, {"x": point, "v": vector, "u": vector}),
        ]
    return found


def cases(batch: Batch, letters: str, *, ignored: str = "") -> Cases:
    """The rows for one operation, and poisoned ones.

    Args:
        batch: from `make`.
        letters: of the operation's arguments.
        ignored: letters (c among them) whose value does not matter to the operation, and so not that it is NaN.
    """
    tangents = bool(set("vuo") & set(letters))
    finite = [
        i
        for i, regime in enumerate(batch.regime)
        if (tangents or not regime.startswith("tangent"))
        and all(np.isfinite(batch.arrays[k][i]).all() for k in letters)
    ]
    ordinary = [i for i in finite if batch.regime[i] == "generic" and 0.1 <= batch.radius[i] <= _ORDINARY_RADIUS]
    poisoned = [
        (kind, row, letter, value)
        for kind, values in _POISON.items()
        for value in values
        for letter in (*letters, "c")
        if letter not in ignored
        for row in ordinary
    ]
    rows = np.array([*finite, *(row for _, row, _, _ in poisoned)])
    arguments = [batch.arrays[k][rows] for k in letters] + [batch.c[rows]]
    for at, (_, _, letter, value) in enumerate(poisoned, len(finite)):
        where = len(letters) if letter == "c" else letters.index(letter)
        # the last coordinate: the first may be the time, which operations derive anew
        arguments[where][(at, -1) if arguments[where].ndim > 1 else at] = value
    kind = [_kind(batch, i) for i in finite] + [kind for kind, _, _, _ in poisoned]
    return Cases(batch, rows, np.array(kind), arguments)


def _kind(batch: Batch, row: int) -> str:
    if batch.regime[row] == "generic":
        return "edge" if batch.radius[row] > 5 else "separated"
    return _KINDS[batch.regime[row]]

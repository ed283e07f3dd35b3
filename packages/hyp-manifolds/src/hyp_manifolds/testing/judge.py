"""Judges one operation of a manifold, run under jit(vmap(.)), against the oracle and the contract."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import mpmath as mp
import numpy as np
from numpy.typing import NDArray

from hyp_manifolds import Manifold

from ._calls import forward, graded
from .contract import CONTRACT, EPS, GRADIENT, Bound
from .oracle import Oracle, condition, vector, vjp
from .oracle._vector import Vector, dot, flat, minus, norm
from .regimes import PROMISED_RADIUS, SINH_LIMIT, Batch

# Operations whose only inputs that stress them are the tangents; pairs cover everything else.
_TANGENT_LETTERS = frozenset("vuo")


@dataclass(frozen=True)
class Failure:
    """One broken promise, with the inputs that break it."""

    operation: str
    row: int
    regime: str
    radius: float
    c: float
    message: str

    def __str__(self) -> str:
        return f"{self.operation} [{self.regime}, radius {self.radius:g}, c {self.c:g}, row {self.row}]: {self.message}"


def _digits(batch: Batch, row: int) -> int:
    """Working precision that leaves 40 digits after the cancellations of the textbook formulas."""
    return int(90 + 2 * max(min(batch.radius[row], 400.0), 1.0) + (batch.length[row] if batch.length[row] > 1 else 0))


def _arguments(operation: Any, batch: Batch, row: int) -> list[Any]:
    out: list[Any] = []
    for letter in operation.arguments:
        a = batch.chart[letter][row]
        out.append(mp.mpf(float(a)) if a.ndim == 0 else vector(a))
    return out


def rows_for(operation: Any, batch: Batch) -> NDArray[np.int_]:
    """Rows whose regime concerns the operation."""
    tangents = bool(_TANGENT_LETTERS & set(operation.arguments))
    return np.array([i for i, name in enumerate(batch.regime) if tangents or not name.startswith("tangent")])


@dataclass
class _Row:
    """One row under judgement: exact value, result, and what follows from the two."""

    exact: Vector
    value: NDArray[Any]
    error: float  # in eps; nan where there is no exact value to compare with
    zero: bool
    representable: bool


def _compare(exact: Vector, value: NDArray[Any], dtype: str) -> _Row:
    info, eps = np.finfo(np.dtype(dtype)) if dtype in ("float32", "float64") else None, EPS[dtype]
    largest = mp.mpf(float(info.max)) if info else mp.mpf(3e38 if dtype == "bfloat16" else 65504)
    smallest = mp.mpf(float(info.tiny)) if info else mp.mpf(1.2e-38 if dtype == "bfloat16" else 6.2e-5)
    size = norm(exact)
    error = float("nan")
    if np.isfinite(value).all() and size:
        error = float(norm(minus(vector(value), exact)) / size / eps)
        if size < smallest / mp.mpf(eps):
            error = 0.0  # below the normal numbers no relative accuracy exists
    return _Row(exact, value, error, zero=not size, representable=bool(max(abs(t) for t in exact) <= largest))


def _value_failures(row: _Row, bound: Bound, limit: float | None, kappa: Any, c: Any, excused: bool) -> Iterator[str]:
    if excused:
        return
    if np.isnan(row.value).any():
        yield f"NaN, expected {_short(row.exact)}"
        return
    if not np.isfinite(row.value).all():
        if row.representable and not bound.overflows:
            yield f"infinite, expected {_short(row.exact)}"
        return
    if row.zero and np.any(row.value):
        yield f"expected exactly 0, got {_short(row.value)}"
    if limit is not None and row.representable and row.error > limit:
        scale = max(1.0, float(kappa())) if bound.conditioned else 1.0
        if row.error / scale > limit:
            over = f" over the condition number {scale:.3g}" if bound.conditioned else ""
            yield f"error {row.error / scale:.3g} eps{over} > {limit:g}"
    if bound.inside:
        coordinates = vector(row.value)
        if mp.mpf(float(c)) * dot(coordinates, coordinates) >= 1:
            yield "result on or outside the boundary of the ball"


def _short(numbers: Any) -> str:
    return "[" + ", ".join(f"{float(t):.4g}" for t in list(numbers)[:4]) + (", ...]" if len(numbers) > 4 else "]")


def _width(oracle: Oracle, name: str, batch: Batch) -> int:
    """Numbers in one result."""
    output, dim = oracle.operations[name].output, batch.chart["x"].shape[1]
    if output == "scalar":
        return 1
    return dim + (output == "ambient" or (oracle.time and name == "grad_dist"))


def judge(manifold: Manifold, oracle: Oracle, name: str, batch: Batch) -> list[Failure]:
    """Everything that breaks the contract for one operation, in values and in the finiteness of gradients."""
    operation, bound, dtype = oracle.operations[name], CONTRACT[oracle.model][name], batch.dtype
    rows = rows_for(operation, batch)
    arguments = [batch.arrays[k][rows] for k in operation.arguments]
    width = _width(oracle, name, batch)
    gradients: list[NDArray[Any]] = []
    if name == "grad_dist":  # second derivatives of dist are infinite at x == y
        values = forward(manifold, name, *arguments, batch.c[rows])
    else:
        cotangent = np.where(np.arange(len(rows) * width).reshape(len(rows), width) % 3 == 0, 0.5, 0.75)
        values, gradients = graded(manifold, name, cotangent.astype(np.dtype(dtype)), *arguments, batch.c[rows])
    failures: list[Failure] = []
    if values.shape[1] != width:
        raise AssertionError(f"{manifold!r}.{name}: {values.shape[1]} numbers per row, expected {width}")
    for at, row in enumerate(rows):
        value = values[at].astype(np.float64)
        finite = [bool(np.isfinite(np.asarray(g[at], np.float64)).all()) for g in gradients]
        for message in _judge_row(oracle, name, bound, batch, int(row), value, finite):
            failures.append(
                Failure(name, int(row), batch.regime[row], float(batch.radius[row]), float(batch.c[row]), message)
            )
    return failures


def _judge_row(
    oracle: Oracle, name: str, bound: Bound, batch: Batch, row: int, value: NDArray[Any], finite: Sequence[bool]
) -> Iterator[str]:
    regime, radius, dtype = batch.regime[row], batch.radius[row], batch.dtype
    if regime == "outside":
        if not np.isfinite(value).all() or not all(finite):
            yield "not finite for a point on or outside the boundary"
        return
    operation = oracle.operations[name]
    with mp.workdps(_digits(batch, row)):
        c, arguments = mp.mpf(float(batch.c[row])), _arguments(operation, batch, row)
        exact = flat(operation.function(*arguments, c))
        if name == "grad_dist" and oracle.time:
            if np.any(value[:1]):
                yield f"gradient {value[0]:.3g} by the time coordinate, expected 0"
            value = value[1:]
        compared = _compare(exact, value, dtype)
        beyond = radius > PROMISED_RADIUS[dtype]
        excused = bound.representable_sinh and _separation(oracle, batch, row, c) > SINH_LIMIT[dtype]
        limit: float | None = bound.limit
        if regime == "near" and bound.near is not None:
            limit = bound.near
        if beyond and not bound.everywhere:
            limit = None
        tolerant = bound.overflows and (beyond or regime.startswith("tangent"))
        strict = bound if tolerant or not bound.overflows else Bound(**{**vars(bound), "overflows": False})
        found: list[Any] = []

        def kappa() -> Any:
            if not found:
                with mp.workdps(int(1.5 * mp.mp.dps)):
                    found.append(condition(operation, arguments, c, oracle.time))
            return found[0][0]

        yield from _value_failures(compared, strict, limit, kappa, batch.c[row], excused)
        if all(finite) or excused or not compared.representable:
            return
        kappa()
        big = float(np.finfo(np.float32 if dtype != "float64" else np.float64).max) * 1e-3
        jacobian, size = found[0][1] * mp.sqrt(len(exact)), norm(exact)
        hopeless = tolerant and not compared.error * EPS[dtype] < 1
        for letter, good in zip([*operation.arguments, "c"], finite, strict=True):
            slope = size / c if letter == "c" else jacobian
            if not good and not hopeless and (compared.zero or slope < big):
                yield f"gradient by {letter} is not finite"


def _separation(oracle: Oracle, batch: Batch, row: int, c: Any) -> float:
    x, y = vector(batch.chart["x"][row]), vector(batch.chart["y"][row])
    return float(mp.sqrt(c) * oracle.operations["dist"].function(x, y, c))


def _moderate(batch: Batch) -> NDArray[np.int_]:
    """Rows at which gradients are compared with exact ones."""
    keep = {"generic": 5.0, "near": 5.0, "tangent": 3.0}
    return np.array(
        [
            i
            for i, name in enumerate(batch.regime)
            if 1e-3 < batch.radius[i] <= keep.get(name, -1) and (name != "near" or batch.length[i] >= 1e-3)
            if name != "tangent" or batch.length[i] <= 10
        ]
    )


def judge_gradients(
    manifold: Manifold, oracle: Oracle, name: str, batch: Batch, every: int = 1, limit: float = GRADIENT
) -> list[Failure]:
    """Gradients by every argument and by c against exact ones, at moderate radii, over their condition number."""
    operation, eps = oracle.operations[name], EPS[batch.dtype]
    rows = np.intersect1d(_moderate(batch), rows_for(operation, batch))[::every]
    rng = np.random.default_rng(7)
    cotangent = rng.uniform(0.5, 1.0, (len(rows), _width(oracle, name, batch))).astype(np.dtype(batch.dtype))
    arguments = [batch.arrays[k][rows] for k in operation.arguments]
    _, gradients = graded(manifold, name, cotangent, *arguments, batch.c[rows])
    failures: list[Failure] = []
    for at, row in enumerate(rows):
        got = [np.atleast_1d(np.asarray(g[at], np.float64)) for g in gradients]
        for message in _gradient_row(oracle, operation, batch, int(row), vector(cotangent[at]), got, limit, eps):
            failures.append(
                Failure(name, int(row), batch.regime[row], float(batch.radius[row]), float(batch.c[row]), message)
            )
    return failures


def _gradient_row(
    oracle: Oracle, operation: Any, batch: Batch, row: int, cotangent: Vector, got: Sequence[NDArray[Any]],
    limit: float, eps: float,
) -> Iterator[str]:  # fmt: skip
    with mp.workdps(120):
        c, arguments = mp.mpf(float(batch.c[row])), _arguments(operation, batch, row)
        exact = vjp(operation, arguments, c, cotangent, oracle.time)
        nudge, nearby = mp.mpf(10) ** -20, []
        for draw in range(2):
            moved = [_nudged(a, 10 * draw + i) for i, a in enumerate(arguments)]
            nearby.append(vjp(operation, moved, c * (1 + (-1) ** draw * nudge), cotangent, oracle.time))
        # the gradient by c is a difference of two terms of size |f|/c, which cancel at small radii
        natural = norm(cotangent) * norm(flat(operation.function(*arguments, c))) / c
        for i, (letter, mine, want) in enumerate(zip([*operation.arguments, "c"], got, exact, strict=True)):
            time = len(mine) - len(want)
            size = max(norm(want), natural) if letter == "c" else norm(want)
            if time and mine[0] != 0:
                yield f"gradient by {letter}: {mine[0]:.3g} by the time coordinate, expected 0"
            if not size:
                if np.any(mine):
                    yield f"gradient by {letter}: {_short(mine)}, expected exactly 0"
                continue
            # a random direction sees about half of the Frobenius norm of a derivative in the span of the inputs
            seen = max(norm(minus(other[i], want)) for other in nearby) / (nudge * size)
            scale = max(mp.mpf(1), 2 * seen)
            error = norm(minus(vector(mine[time:]), want)) / size / mp.mpf(eps)
            if not error / scale <= limit:
                yield (
                    f"gradient by {letter}: error {float(error / scale):.3g} eps over the condition number "
                    f"{float(scale):.3g} > {limit:g}; got {_short(mine[time:])}, expected {_short(want)}"
                )


def _nudged(argument: Any, seed: int) -> Any:
    """The argument moved by 1e-20 of its size in a fixed pseudo-random direction."""
    nudge = mp.mpf(10) ** -20
    if not isinstance(argument, list):
        return argument * (1 + nudge)
    direction = np.random.default_rng(seed + 11).standard_normal(len(argument))
    size = norm(argument) / mp.mpf(float(np.linalg.norm(direction)))
    return [a + nudge * size * mp.mpf(float(d)) for a, d in zip(argument, direction, strict=True)]

"""Judges one operation of a manifold, run under jit(vmap(.)), against the oracle and the contract."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import mpmath as mp
import numpy as np
from numpy.typing import NDArray

from hyp_manifolds import Manifold

from ._calls import forward, graded
from .contract import CONTRACT, EPS, Bound
from .oracle import SINH_LIMIT, Oracle, condition, vector
from .oracle._vector import Vector, flat, minus, norm
from .regimes import Batch

# Regimes in which only finite numbers are expected; distances have a value for antipodes.
NO_VALUE = {"outside": "for a point on or outside the boundary", "antipode": "for antipodes"}
DISTANCES = ("dist", "sqdist")

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


def arguments_of(operation: Any, batch: Batch, row: int) -> list[Any]:
    """The exact arguments of a row, without c."""
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


def _value_failures(row: _Row, bound: Bound, limit: float | None, kappa: Any, excused: bool) -> Iterator[str]:
    if excused:
        return
    if np.isnan(row.value).any():
        yield f"NaN, expected {short(row.exact)}"
        return
    if not np.isfinite(row.value).all():
        if row.representable and not bound.overflows:
            yield f"infinite, expected {short(row.exact)}"
        return
    if row.zero and np.any(row.value):
        yield f"expected exactly 0, got {short(row.value)}"
    if limit is not None and row.representable and row.error > limit:
        scale = max(1.0, float(kappa(row.error / limit))) if bound.conditioned and limit else 1.0
        if row.error / scale > limit:
            over = f" over the condition number {scale:.3g}" if bound.conditioned else ""
            yield f"error {row.error / scale:.3g} eps{over} > {limit:g}"


def short(numbers: Any) -> str:
    """The first numbers of a vector, for messages."""
    return "[" + ", ".join(f"{float(t):.4g}" for t in list(numbers)[:4]) + (", ...]" if len(numbers) > 4 else "]")


def width_of(oracle: Oracle, name: str, batch: Batch) -> int:
    """Numbers in one result."""
    output, size = oracle.operations[name].output, batch.chart["x"].shape[1]
    if output == "scalar":
        return 1
    apart = "x" not in oracle.axis.letters  # the chart leaves out the coordinate that ambient results have
    return size + ((output == "ambient" and apart) or (oracle.time and name == "grad_dist"))


def judge(
    manifold: Manifold, oracle: Oracle, name: str, batch: Batch, *, compiler_options: Mapping[str, Any] | None = None
) -> list[Failure]:
    """Everything that breaks the contract for one operation, in values and in the finiteness of gradients.

    `compiler_options` are those of `jax.jit`, where the operation is to be compiled in another way than usual.
    """
    operation, bound, dtype = oracle.operations[name], CONTRACT[oracle.model][name], batch.dtype
    rows = rows_for(operation, batch)
    arguments = [batch.arrays[k][rows] for k in operation.arguments]
    width = width_of(oracle, name, batch)
    gradients: list[NDArray[Any]] = []
    if name == "grad_dist":  # second derivatives of dist are infinite at x == y
        values = forward(manifold, name, *arguments, batch.c[rows], options=compiler_options)
    else:
        cotangent = np.where(np.arange(len(rows) * width).reshape(len(rows), width) % 3 == 0, 0.5, 0.75)
        cotangent = cotangent.astype(np.dtype(dtype))
        values, gradients = graded(manifold, name, cotangent, *arguments, batch.c[rows], options=compiler_options)
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
    if regime in NO_VALUE and not (regime == "antipode" and name in DISTANCES):
        if not np.isfinite(value).all() or not all(finite):
            yield f"not finite {NO_VALUE[regime]}"
        return
    operation = oracle.operations[name]
    with mp.workdps(_digits(batch, row)):
        c, arguments = mp.mpf(float(batch.c[row])), arguments_of(operation, batch, row)
        exact = flat(operation.function(*arguments, c))
        if name == "grad_dist":
            if oracle.time and np.any(value[:1]):
                yield f"gradient {value[0]:.3g} by the time coordinate, expected 0"
            value = value[1:] if oracle.time else value
            value = np.array([float(t) for t in oracle.along("x", arguments[:1], c, [vector(value)])[0]])
        compared = _compare(exact, value, dtype)
        beyond = radius > oracle.chart.promised[dtype]
        excused = bound.representable_sinh and _separation(oracle, batch, row, c) > SINH_LIMIT[dtype]
        limit: float | None = bound.limit
        if regime == "near" and bound.near is not None:
            limit = bound.near
        if beyond and not bound.everywhere:
            limit = None
        tolerant = bound.overflows and (beyond or regime.startswith("tangent"))
        strict = replace(
            bound,
            overflows=bound.overflows and tolerant,
            conditioned=bound.conditioned or (bound.conditioned_below and c <= 0),
        )

        def derivatives(enough: float = float("inf")) -> tuple[Any, Any]:
            with mp.workdps(int(1.5 * mp.mp.dps)):
                return condition(operation, arguments, c, oracle.axis, enough)

        yield from _value_failures(compared, strict, limit, lambda enough: derivatives(enough)[0], excused)
        if bound.inside and not np.isnan(value).any() and not oracle.chart.contains(value, float(c)):
            yield "result on or outside the boundary"
        if all(finite) or excused or not compared.representable:
            return
        big = float(np.finfo(np.float32 if dtype != "float64" else np.float64).max) * 1e-3
        jacobian, size = derivatives()[1] * mp.sqrt(len(exact)), norm(exact)
        hopeless = tolerant and not compared.error * EPS[dtype] < 1
        for letter, good in zip([*operation.arguments, "c"], finite, strict=True):
            slope = size / (abs(c) or 1) if letter == "c" else jacobian
            if not good and not hopeless and (compared.zero or slope < big):
                yield f"gradient by {letter} is not finite"


def _separation(oracle: Oracle, batch: Batch, row: int, c: Any) -> float:
    x, y = vector(batch.chart["x"][row]), vector(batch.chart["y"][row])
    return float(mp.sqrt(c) * oracle.operations["dist"].function(x, y, c))

"""The measurement: worst error of one operation in every band of radii, and of its derivatives."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import mpmath as mp
import numpy as np
from hyp_manifolds.testing import CONTRACT, EPS, GRADIENT, Batch, Bound, make_batch, oracle, plan_for

from hyp_bench.accuracy.exact import along, between, beyond_jump, directions, is_kink, pushed, size_of, wobble
from hyp_bench.accuracy.libraries import Library

# Upper ends of the bands of radii, in units of 1/sqrt(c).
BANDS = (1.0, 5.0, 10.0, 15.0, 30.0, 80.0)
_SPECIAL = {
    **{"equal": "x = y", "origin": "origin", "origin_both": "origin", "tangent_zero": "v = 0"},
    **{"tangent_huge": "huge v", "antipode": "antipodes", "antipodal": "antipodes"},
}


@dataclass(frozen=True)
class Cell:
    """The worst of many inputs.

    Attributes:
        model, operation, dtype: what was measured.
        kind: "value", "VJP" or "JVP".
        band: the inputs: "r <= 5", "near pairs", "x = y", ...
        error: in eps of the dtype, over the condition number where the contract says so; inf for NaN.
        limit: the contract's bound; None where nothing is promised.
        count: number of inputs.
    """

    model: str
    operation: str
    dtype: str
    kind: str
    band: str
    error: float
    limit: float | None
    count: int

    @property
    def broken(self) -> bool:
        """Whether a promise is broken."""
        return self.limit is not None and not self.error <= self.limit


def band_of(batch: Batch, row: int) -> str | None:
    """The band of a row; None for inputs that are no points."""
    regime = batch.regime[row]
    if regime == "outside":
        return None
    if regime == "near":
        return "near pairs"
    if regime in _SPECIAL:
        return _SPECIAL[regime]
    return next((f"r <= {end:g}" for end in BANDS if batch.radius[row] <= end), "r > 80")


def measure(
    library: Library,
    model: str,
    operation: str,
    dtype: str,
    *,
    dims: Sequence[int] = (2, 16),
    curvatures: Sequence[float] = (1e-6, 1e-3, 1.0, 10.0, 1e3),
    seed: int = 0,
    every: int = 1,
) -> list[Cell]:
    """Cells of one operation.

    Args:
        library: what to measure.
        model: a name of `hyp_manifolds.MODELS` that has an oracle.
        operation: a name of the oracle's operations.
        dtype: "float32" or "float64" (the latter needs JAX's 64-bit mode).
        dims: dimensions of the manifold.
        curvatures: values of c.
        seed: of the inputs.
        every: derivatives are measured on one in so many of the moderate inputs.

    Returns:
        One cell for every kind and band that has inputs.
    """
    found: dict[tuple[str, str], list[tuple[float, float | None]]] = {}
    for dim in dims:
        for kind, band, error, limit in _errors(library, model, operation, dtype, dim, curvatures, seed, every):
            found.setdefault((kind, band), []).append((error, limit))
    cells: list[Cell] = []
    for (kind, band), pairs in found.items():
        promised = [(error, limit) for error, limit in pairs if limit is not None]
        # the input that comes closest to its limit, or the worst one where nothing is promised
        error, limit = (
            max(promised, key=lambda p: p[0] / p[1] if p[1] else p[0] and float("inf"))
            if promised
            else (max(e for e, _ in pairs), None)
        )
        cells.append(Cell(model, operation, dtype, kind, band, error, limit, len(pairs)))
    return cells


def _errors(
    library: Library,
    model: str,
    operation: str,
    dtype: str,
    dim: int,
    curvatures: Sequence[float],
    seed: int,
    every: int,
) -> Iterator[tuple[str, str, float, float | None]]:
    exact = oracle.ORACLES[model]
    bound, definition = CONTRACT[model][operation], exact.operations[operation]
    batch = make_batch(model, dtype, dim, curvatures, seed, plan_for(dtype))
    bands = [band_of(batch, row) for row in range(len(batch.regime))]
    tangents_matter = bool(set("vuo") & set(definition.arguments))
    rows = [
        i
        for i, band in enumerate(bands)
        if band is not None and (tangents_matter or not batch.regime[i].startswith("tangent"))
    ]
    arguments = [batch.arrays[k][rows] for k in definition.arguments] + [batch.c[rows]]
    rng = np.random.default_rng([seed, dim])
    widest = batch.chart["x"].shape[1] + 1  # a result has as many numbers as a point, one more with time, or one
    cotangent = rng.uniform(0.5, 1.0, (len(rows), widest)).astype(dtype)
    moves = directions(exact, definition, batch, rows, rng)
    result = library.run(model, operation, arguments, cotangent, moves)
    moderate = [at for at, i in enumerate(rows) if _is_moderate(batch, i)][::every]
    for at, i in enumerate(rows):
        band = bands[i]
        assert band is not None
        yield "value", band, *_value(exact, definition, bound, batch, i, result.value[at])
        if at in moderate and result.pulled is not None:
            got = [np.atleast_1d(np.asarray(g[at], np.float64)) for g in result.pulled]
            for error in _pull_errors(exact, definition, batch, i, cotangent[at], got):
                yield "VJP", band, error, GRADIENT
        if at in moderate and result.pushed is not None:
            move = [m[at] for m in moves]
            yield "JVP", band, _push_error(exact, definition, batch, i, move, result.pushed[at]), GRADIENT


def _is_moderate(batch: Batch, row: int) -> bool:
    """Where gradients are compared with exact ones: beyond, their condition is all that is left to see."""
    largest = {"generic": 5.0, "near": 5.0, "tangent": 3.0}.get(batch.regime[row], -1.0)
    if batch.regime[row] == "near" and batch.length[row] < 1e-3:
        return False
    return 1e-3 < batch.radius[row] <= largest and not (batch.regime[row] == "tangent" and batch.length[row] > 10)


def _digits(batch: Batch, row: int) -> int:
    length = float(batch.length[row])
    return int(90 + 2 * max(min(float(batch.radius[row]), 400.0), 1.0) + (length if length > 1 else 0))


def _arguments(definition: Any, batch: Batch, row: int) -> list[Any]:
    picked = [batch.chart[k][row] for k in definition.arguments]
    return [mp.mpf(float(a)) if a.ndim == 0 else oracle.vector(a) for a in picked]


def _measures_distance(exact: Any, definition: Any) -> bool:
    return definition in (exact.operations["dist"], exact.operations["sqdist"])


def _value(
    exact: Any, definition: Any, bound: Bound, batch: Batch, row: int, value: np.ndarray
) -> tuple[float, float | None]:
    """Error in eps, over the condition number where the bound says so, and the bound that applies."""
    eps, info = EPS[batch.dtype], np.finfo(batch.dtype)
    if batch.regime[row] == "antipode" and not _measures_distance(exact, definition):
        # between antipodes every direction is right, so that only a finite answer can be asked for
        return (0.0 if np.isfinite(np.asarray(value, np.float64)).all() else float("inf")), bound.limit
    with mp.workdps(_digits(batch, row)):
        c, arguments = mp.mpf(float(batch.c[row])), _arguments(definition, batch, row)
        want = definition.function(*arguments, c)
        want = want if isinstance(want, list) else [want]
        got = np.asarray(value, np.float64)[len(value) - len(want) :]
        size, promised = size_of(want), exact.chart.promised[batch.dtype]
        beyond = batch.radius[row] > promised and not bound.everywhere
        limit: float | None = None if beyond else bound.limit
        if batch.regime[row] == "near" and bound.near is not None and limit is not None:
            limit = bound.near
        if bound.representable_sinh or bound.overflows:
            letters = set(definition.arguments)
            apart = exact.operations["dist"].function(*(oracle.vector(batch.chart[k][row]) for k in "xy"), c)
            if {"x", "y"} <= letters and mp.sqrt(abs(c)) * apart > oracle.SINH_LIMIT[batch.dtype]:
                limit = None
        if max(abs(t) for t in want) > float(info.max) or 0 < size < float(info.tiny) / eps:
            return 0.0, None  # the dtype cannot hold the answer to its precision
        if not np.isfinite(got).all():
            free = bound.overflows and (batch.regime[row] == "tangent_huge" or batch.radius[row] > promised)
            return float("inf"), None if free and not np.isnan(got).any() else (limit or bound.limit)
        if not size:
            return (float("inf") if np.any(got) else 0.0), bound.limit
        error = float(size_of([mp.mpf(float(g)) - w for g, w in zip(got, want, strict=True)]) / size / eps)
        conditioned = bound.conditioned or (bound.conditioned_below and c <= 0)
        if conditioned and error > 0.5:
            with mp.workdps(int(1.5 * mp.mp.dps)):
                error /= max(1.0, float(oracle.condition(definition, arguments, c, exact.axis)[0]))
        return error, limit


def _pull_errors(
    exact: Any, definition: Any, batch: Batch, row: int, cotangent: np.ndarray, got: Sequence[np.ndarray]
) -> Iterator[float]:
    """Errors of the gradients by every argument and by c, over their own condition numbers."""
    with mp.workdps(120):
        c, arguments = mp.mpf(float(batch.c[row])), _arguments(definition, batch, row)
        value = definition.function(*arguments, c)
        value = value if isinstance(value, list) else [value]
        weight = oracle.vector(cotangent[: len(value)])

        def gradients(arguments: list[Any], c: Any, weight: list[Any] = weight) -> list[Any]:
            return along(exact, definition, arguments, c, oracle.vjp(definition, arguments, c, weight, exact.axis))

        want, seen = gradients(arguments, c), wobble(gradients, arguments, c)
        mine = [oracle.vector(g[len(g) - len(w) :]) for g, w in zip(got, want, strict=False)]  # c is last
        mine = along(exact, definition, arguments, c, mine)
        # the gradient by c is a difference of two terms of size |f|/c, which cancel at small radii
        natural = size_of(weight) * size_of(value) / (abs(c) or 1)
        for i, (g, w) in enumerate(zip(mine, want, strict=False)):
            size = max(size_of(w), natural) if i == len(want) - 1 else size_of(w)
            if is_kink(seen[i], max(size_of(g), size)):
                yield 0.0
                continue
            if not size:
                yield 0.0 if not any(g) else float("inf")
                continue
            others = partial(beyond_jump, gradients, arguments, c, want, EPS[batch.dtype])

            def most(i: int = i) -> Any:
                return oracle.sensitivity(lambda at, c: gradients([*at[:-1]], c, at[-1])[i], [*arguments, weight], c)

            yield _over_condition(g, w, size, seen[i], most, batch.dtype, lambda i=i, others=others: others()[i])


def _push_error(
    exact: Any, definition: Any, batch: Batch, row: int, move: Sequence[np.ndarray], got: np.ndarray
) -> float:
    """Error of the derivative along a direction, over its own condition number."""
    with mp.workdps(120):
        c, arguments = mp.mpf(float(batch.c[row])), _arguments(definition, batch, row)

        def derivative(arguments: list[Any], c: Any, move: Sequence[Any] = move) -> list[Any]:
            return [pushed(exact, definition, arguments, c, move)]

        (want,), (seen,) = derivative(arguments, c), wobble(derivative, arguments, c)
        size = size_of(want)
        mine = oracle.vector(np.asarray(got, np.float64)[len(got) - len(want) :])
        if is_kink(seen, max(size_of(mine), size)):
            return 0.0
        if not size:
            return 0.0 if not any(mine) else float("inf")
        others = partial(beyond_jump, derivative, arguments, c, [want], EPS[batch.dtype])
        n, ways = len(arguments), [_way(a, d) for a, d in zip(arguments, move, strict=False)]

        def most() -> Any:
            return oracle.sensitivity(lambda at, c: derivative([*at[:n]], c, at[n:])[0], [*arguments, *ways], c)

        return _over_condition(mine, want, size, seen, most, batch.dtype, lambda: others()[0])


def _way(argument: Any, move: np.ndarray) -> Any:
    """A direction in exact numbers, without the time coordinate that its argument does not have."""
    own = oracle.vector(np.atleast_1d(np.asarray(move, np.float64)))
    return own[len(own) - len(argument) :] if isinstance(argument, list) else own[0]


def _over_condition(
    got: list[Any], want: list[Any], size: Any, seen: Any, most: Callable[[], Any], dtype: str,
    others: Callable[[], list[list[Any]]],
) -> float:  # fmt: skip
    """Distance in eps of `size`, over the condition number that a wobble of `seen` means.

    Of one beyond the bound, which a random wobble may have seen too little of, that over the condition number itself,
    from `most`, what a derivative as a function of point, curvature and direction changes by at most; then that to what
    lies between the two sides of a jump, `others` the values beyond it.
    """
    scale = max(1, 2 * seen / size)

    def error(right: list[Any]) -> float:
        gap = size_of([a - b for a, b in zip(got, right, strict=True)]) / size / EPS[dtype]
        return float(gap / scale) if mp.isfinite(gap) else float("inf")

    found = error(want)
    if GRADIENT < found < float("inf"):
        scale = max(scale, most() / size)
        found = error(want)
    if GRADIENT < found < float("inf"):
        found = min([found, *map(error, between(want, others(), got))])
    return found

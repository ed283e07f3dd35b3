"""Judges the gradients of one operation against exact ones, at moderate radii."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import mpmath as mp
import numpy as np
from numpy.typing import NDArray

from hyp_manifolds import Manifold

from ._calls import graded
from .contract import EPS, GRADIENT
from .judge import Failure, arguments_of, rows_for, short, width_of
from .oracle import Oracle, sensitivity, vector, vjp
from .oracle._vector import Vector, flat, minus, norm
from .regimes import Batch


def _moderate(batch: Batch) -> NDArray[np.int_]:
    """Rows at which gradients are compared with exact ones."""
    keep = {"generic": 5.0, "near": 5.0, "antipodal": 5.0, "tangent": 3.0}
    least = {"near": 1e-3, "antipodal": 1e-3}
    return np.array(
        [
            i
            for i, name in enumerate(batch.regime)
            if 1e-3 < batch.radius[i] <= keep.get(name, -1) and batch.length[i] >= least.get(name, 0.0)
            if name != "tangent" or batch.length[i] <= 10
        ],
        np.int_,
    )


def judge_gradients(
    manifold: Manifold,
    oracle: Oracle,
    name: str,
    batch: Batch,
    every: int = 1,
    limit: float = GRADIENT,
    *,
    compiler_options: Mapping[str, Any] | None = None,
) -> list[Failure]:
    """Gradients by every argument and by c against exact ones, at moderate radii, over their condition number.

    `compiler_options` as in `judge`.
    """
    operation, eps = oracle.operations[name], EPS[batch.dtype]
    rows = np.intersect1d(_moderate(batch), rows_for(operation, batch))[::every]
    if not len(rows):
        return []
    rng = np.random.default_rng(7)
    cotangent = rng.uniform(0.5, 1.0, (len(rows), width_of(oracle, name, batch))).astype(np.dtype(batch.dtype))
    arguments = [batch.arrays[k][rows] for k in operation.arguments]
    _, gradients = graded(manifold, name, cotangent, *arguments, batch.c[rows], options=compiler_options)
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
    letters = operation.arguments
    with mp.workdps(100):
        c, arguments = mp.mpf(float(batch.c[row])), arguments_of(operation, batch, row)

        def exactly(at: Sequence[Any], curvature: Any) -> list[Vector]:
            return oracle.along(letters, at, curvature, vjp(operation, at, curvature, cotangent, oracle.axis))

        @cache
        def nearby() -> list[list[Vector]]:
            moves = ([_nudged(a, 10 * draw + i) for i, a in enumerate(arguments)] for draw in range(2))
            return [exactly(moved, c + (-1) ** draw * nudge * unit) for draw, moved in enumerate(moves)]

        nudge, unit, exact = mp.mpf(10) ** -20, abs(c) or mp.mpf(1), exactly(arguments, c)
        mine = [vector(g) for g in got]
        for i, letter in enumerate(letters):
            time = len(mine[i]) - len(exact[i])
            if time and mine[i][0]:
                yield f"gradient by {letter}: {float(mine[i][0]):.3g} by the time coordinate, expected 0"
            mine[i] = mine[i][time:]
        # the gradient by c is a difference of two terms of size |f|/c, which cancel at small radii; so does what moving
        # a point on a sphere does to a function and to the tangents that it carries along
        whole = norm(cotangent) * norm(flat(operation.function(*arguments, c)))
        floors = {"c": whole / unit}
        if oracle.canonical:
            parts = {k: norm(g) * norm(flat(a)) for k, g, a in zip(letters, mine, arguments, strict=False)}
            floors["c"] += sum(parts.values()) / unit
            floors |= dict.fromkeys("xy", mp.sqrt(unit) * (whole + sum(parts[k] for k in parts if k in "vu")))
        if all(mp.isfinite(t) for g in mine for t in g):
            mine = oracle.along(letters, arguments, c, mine)
        for i, (letter, own, want) in enumerate(zip([*letters, "c"], mine, exact, strict=True)):
            size = max(norm(want), floors.get(letter, mp.mpf(0)))
            if not size:
                # where gradients jump (an angle at a straight line), the difference quotient is 0 and there is none
                kink = any(own) and max(norm(minus(other[i], want)) for other in nearby()) > mp.sqrt(nudge) * norm(own)
                if any(own) and not kink:
                    yield f"gradient by {letter}: {short(own)}, expected exactly 0"
                continue
            error = norm(minus(own, want)) / size / mp.mpf(eps)
            if error <= limit:
                continue
            # a random direction sees about half of the Frobenius norm of a derivative in the span of the inputs, and in
            # few dimensions now and then next to nothing
            seen = max(norm(minus(other[i], want)) for other in nearby()) / (nudge * size)
            scale = max(mp.mpf(1), 2 * seen)
            if not error / scale <= limit:
                scale = max(scale, sensitivity(lambda at, k, i=i: exactly(at, k)[i], arguments, c) / size)
            if not error / scale <= limit:
                yield (
                    f"gradient by {letter}: error {float(error / scale):.3g} eps over the condition number "
                    f"{float(scale):.3g} > {limit:g}; got {short(own)}, expected {short(want)}"
                )


def _nudged(argument: Any, seed: int) -> Any:
    """The argument moved by 1e-20 of its size in a fixed pseudo-random direction."""
    nudge = mp.mpf(10) ** -20
    if not isinstance(argument, list):
        return argument * (1 + nudge)
    direction = np.random.default_rng(seed + 11).standard_normal(len(argument))
    size = norm(argument) / mp.mpf(float(np.linalg.norm(direction)))
    return [a + nudge * size * mp.mpf(float(d)) for a, d in zip(argument, direction, strict=True)]

"""Curves: how time grows with the number of points, their dimension, and the length of a table."""

from __future__ import annotations

import math
from collections.abc import Sequence

from hyp_bench.compare.case import FORWARD, GRADIENT, Case

from . import optimizers, pairwise, points

_POINTS, _DIMS, _PAIRS = (1000, 10_000, 100_000), (16, 64, 256, 1024), (500, 1000, 2000, 4000)


def cases(against: Sequence[str], quick: bool) -> list[Case]:
    """Distances by number and by dimension, all pairs by number, sparse steps by the length of the table."""
    counts, dims, pairs = _POINTS, _DIMS, _PAIRS
    lengths = optimizers.LENGTHS
    if quick:
        counts, dims, pairs, lengths = counts[:2], dims[:2], pairs[:2], lengths[:2]
    found = []
    for model in points.TITLES:
        for n in counts:
            found.append(points.case(model, "dist", n, 64, FORWARD, against, "points of dimension 64", n))
        for dim in dims:
            found.append(points.case(model, "dist", 2000, dim, FORWARD, against, "dimension of 2,000 points", dim))
    for n in pairs:
        found.append(pairwise.case("poincare", n, 10, GRADIENT, against, series="points, all pairs", at=n))
    return found + [optimizers.sparse(length, against, "length of the table") for length in lengths]


def exponent(at: Sequence[float], values: Sequence[float]) -> float:
    """Slope of the least-squares line through (log at, log values)."""
    x, y = [math.log(a) for a in at], [math.log(v) for v in values]
    mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
    above = sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True))
    return above / sum((a - mean_x) ** 2 for a in x)

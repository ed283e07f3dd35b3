"""Vectors of mpmath numbers as plain lists: the few operations the oracle's formulas are written in."""

from collections.abc import Iterable, Sequence
from typing import Any

import mpmath as mp

Vector = list[Any]


def vector(numbers: Iterable[float]) -> Vector:
    """The exact value of each floating-point number."""
    return [mp.mpf(float(t)) for t in numbers]


def dot(a: Sequence[Any], b: Sequence[Any]) -> Any:
    """Euclidean inner product."""
    return mp.fdot(a, b)


def norm(a: Sequence[Any]) -> Any:
    """Euclidean norm."""
    return mp.sqrt(mp.fdot(a, a))


def times(s: Any, a: Sequence[Any]) -> Vector:
    """S a."""
    return [s * t for t in a]


def plus(*vectors: Sequence[Any]) -> Vector:
    """Sum of vectors."""
    return [sum(column) for column in zip(*vectors, strict=True)]


def minus(a: Sequence[Any], b: Sequence[Any]) -> Vector:
    """A - b."""
    return [s - t for s, t in zip(a, b, strict=True)]


def unit(a: Sequence[Any]) -> Vector:
    """A / |a|, and 0 for a = 0."""
    n = norm(a)
    return times(1 / n, a) if n else list(a)


def flat(value: Any) -> Vector:
    """A value as a list: a scalar becomes a list of one number."""
    return value if isinstance(value, list) else [value]

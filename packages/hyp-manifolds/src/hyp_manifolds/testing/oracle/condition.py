"""Condition numbers and gradients of exact operations, by differences at the working precision.

All operations are equivariant under rotations about the origin, so both are computed in an orthonormal basis of the
span of the inputs plus one direction across it: the cost does not grow with the dimension. The one coordinate that such
rotations leave alone, where a model has it, is kept (`Axis`).
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias, TypeGuard

import mpmath as mp
import numpy as np

from ._operation import Axis, Operation
from ._vector import Vector, dot, flat, minus, norm, plus, times

Argument: TypeAlias = Any  # a Vector, or a number


def basis_of(vectors: Sequence[Vector], size: int) -> list[Vector]:
    """Orthonormal basis of the span of the vectors, plus one axis outside it where there is room."""
    basis: list[Vector] = []
    tiny = mp.mpf(10) ** (-mp.mp.dps // 2)
    axes = [[mp.mpf(i == j) for j in range(size)] for i in range(size)]
    for number, candidate in enumerate([*vectors, *axes]):
        if len(basis) == size:
            break
        rest = candidate
        for _ in range(2):  # one pass leaves a part along the basis when two inputs are nearly parallel
            for axis in basis:
                rest = minus(rest, times(dot(rest, axis), axis))
        if norm(rest) > tiny * norm(candidate):
            basis.append(times(1 / norm(rest), rest))
            if number >= len(vectors):
                break
    return basis


def _is_vector(argument: Argument) -> TypeGuard[Vector]:
    return isinstance(argument, list)


def _reduced(arguments: Sequence[Argument], letters: str, axis: Axis, extra: Sequence[Vector] = ()):
    """The arguments in the basis, and the basis."""

    def split(letter: str, a: Vector) -> tuple[Vector, Vector]:
        return axis.split(a) if letter in axis.letters else ([], a)

    pairs = [split(k, a) if _is_vector(a) else None for k, a in zip(letters, arguments, strict=True)]
    vectors = [p[1] for p in pairs if p is not None] + list(extra)
    basis = basis_of(vectors, len(vectors[0]))
    inside = [
        a if p is None else axis.join(p[0], [dot(p[1], one) for one in basis])
        for a, p in zip(arguments, pairs, strict=True)
    ]
    return inside, basis


def _derivative(function: Callable[[Any], Any], at: Any, step: Any) -> Vector:
    """By a central difference, which is 0 where a gradient jumps symmetrically."""
    return times(1 / (2 * step), minus(flat(function(at + step)), flat(function(at - step))))


def _set(arguments: Sequence[Argument], i: int, j: int, value: Any) -> list[Argument]:
    out = [list(a) if _is_vector(a) else a for a in arguments]
    if _is_vector(out[i]):
        out[i][j] = value
    else:
        out[i] = value
    return out


def condition(
    operation: Operation, arguments: Sequence[Argument], c: Any, axis: Axis | None = None, enough: float = float("inf")
) -> tuple[Any, Any]:
    """Norm-wise relative condition number sum_i |J_i| |a_i| / |f| over all arguments but c, and the largest |J_i|.

    |J| is the Frobenius norm. The condition number is inf where f == 0. Both are lower bounds as soon as the first has
    reached `enough`.
    """
    reduced, _ = _reduced(arguments, operation.arguments, axis or Axis())
    value = flat(operation.function(*reduced, c))
    whole = norm(value)
    total = largest = mp.mpf(0)
    small = mp.mpf(10) ** (-mp.mp.dps // 2)  # leaves half of the digits, and one evaluation a derivative will do
    for i, a in enumerate(reduced):
        entries = a if _is_vector(a) else [a]
        size, square = norm(entries), mp.mpf(0)
        if not size:
            continue
        for j, entry in enumerate(entries):
            moved = operation.function(*_set(reduced, i, j, entry + small * size), c)
            change = minus(flat(moved), value)
            square += dot(change, change)
        jacobian: Any = mp.sqrt(square) / (small * size)
        total, largest = total + jacobian * size, max(largest, jacobian)
        if total >= enough * whole:
            break
    return (total / whole if whole else mp.inf), largest


def vjp(operation: Operation, arguments: Sequence[Argument], c: Any, cotangent: Vector, axis: Axis | None = None):
    """Gradient of <cotangent, f> by every argument and by c, each a list in the argument's own coordinates."""
    axis = axis or Axis()
    kept, spatial = axis.split(cotangent) if operation.output == "ambient" else ([], cotangent)
    extra = [] if operation.output == "scalar" else [spatial]
    reduced, basis = _reduced(arguments, operation.arguments, axis, extra)
    weight = cotangent if not extra else axis.join(kept, [dot(spatial, one) for one in basis])

    def value(args: Sequence[Argument], curvature: Any) -> Any:
        return dot(weight, flat(operation.function(*args, curvature)))

    small, unit = mp.mpf(10) ** (-mp.mp.dps // 3), abs(c) or mp.mpf(1)
    gradients: list[Vector] = []
    for i, (letter, a) in enumerate(zip(operation.arguments, reduced, strict=True)):
        if not _is_vector(a):
            step = small * (norm([a]) or 1)
            with_a = lambda t, i=i: value([*reduced[:i], t, *reduced[i + 1 :]], c)  # noqa: E731
            gradients.append(_derivative(with_a, a, step))
            continue
        step = small * (norm(a) or 1 / mp.sqrt(unit))
        columns = [
            _derivative(lambda t, i=i, j=j: value(_set(reduced, i, j, t), c), a[j], step)[0] for j in range(len(a))
        ]
        own, rest = axis.split(columns) if letter in axis.letters else ([], columns)
        gradients.append(axis.join(own, plus(*(times(s, one) for s, one in zip(rest, basis, strict=True)))))
    gradients.append(_derivative(lambda t: value(reduced, t), c, small * unit))
    return gradients


def sensitivity(function: Callable[[Sequence[Argument], Any], Vector], arguments: Sequence[Argument], c: Any) -> Any:
    """What a relative change of the arguments and of c does to a function at most.

    Args:
        function: of the arguments and c, to a list of numbers.
        arguments: scalars, and vectors as lists.
        c: curvature, scalar.

    Returns:
        The root of the sum of squares of |J_i| |a_i|, |J| the spectral norm, by differences at 1e-20.
    """
    nudge, start, squares = mp.mpf(10) ** -20, function(arguments, c), mp.mpf(0)
    for i, a in enumerate(arguments):
        moved = ([*arguments[:i], m, *arguments[i + 1 :]] for m in _moves(a, nudge))
        columns = [minus(function(at, c), start) for at in moved]
        largest = max(norm(column) for column in columns)
        if largest:
            matrix = np.array([[float(t / largest) for t in column] for column in columns])
            squares += (largest * mp.mpf(float(np.linalg.norm(matrix, 2)))) ** 2
    squares += norm(minus(function(arguments, c + nudge * (abs(c) or 1)), start)) ** 2
    return mp.sqrt(squares) / nudge


def _moves(argument: Argument, nudge: Any) -> list[Argument]:
    """The argument with one number after the other moved by `nudge` times its size."""
    if not _is_vector(argument):
        return [argument * (1 + nudge)]
    size = norm(argument)
    return [[a + nudge * size * (i == k) for i, a in enumerate(argument)] for k in range(len(argument))]

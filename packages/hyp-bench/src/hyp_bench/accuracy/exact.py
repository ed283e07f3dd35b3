"""Exact derivatives along directions, and how much an exact derivative moves when its inputs do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import mpmath as mp
import numpy as np
from hyp_manifolds.testing import Batch, oracle

_NUDGE_DIGITS = 20
_FEW = 4


def size_of(numbers: Sequence[Any]) -> Any:
    """Euclidean norm."""
    return mp.sqrt(sum((t * t for t in numbers), mp.mpf(0)))


def along(exact: Any, definition: Any, arguments: list[Any], c: Any, gradients: list[Any]) -> list[Any]:
    """What of the gradients does not depend on how a function is continued off the manifold."""
    return exact.along(definition.arguments, arguments, c, gradients)


def directions(
    exact: Any, definition: Any, batch: Batch, rows: Sequence[int], rng: np.random.Generator
) -> list[np.ndarray]:
    """One direction per argument and row, of the argument's size (rows of the library's arrays); 0 along c.

    Where arrays can leave the manifold, only free arguments move: scalars, and tangents at a fixed point.
    """
    moves: list[np.ndarray] = []
    for letter in definition.arguments:
        a = batch.arrays[letter][rows].astype(np.float64)
        size = np.abs(a) if a.ndim == 1 else np.linalg.norm(a, axis=1, keepdims=True)
        move = rng.standard_normal(a.shape) * np.where(size > 0, size, 1.0) / np.sqrt(max(a[0].size, 1))
        if exact.canonical is not None and a.ndim > 1:
            # along a tangent at the same point, on which it stays one; along itself the direction would not change
            move = batch.arrays[{"u": "v", "v": "u"}.get(letter) or letter][rows] * float(letter in "vuo")
        if a.ndim > 1 and a.shape[1] > batch.chart[letter].shape[1]:
            move[:, 0] = 0.0  # the time coordinate is derived
        moves.append(move.astype(batch.dtype))
    return [*moves, np.zeros(len(rows), batch.dtype)]


def pushed(exact: Any, definition: Any, arguments: list[Any], c: Any, move: Sequence[np.ndarray]) -> list[Any]:
    """Derivative of the operation along a direction, by a central difference at the working precision."""
    step = mp.mpf(10) ** (-mp.mp.dps // 3)

    def at(sign: int) -> list[Any]:
        moved: list[Any] = []
        for a, d in zip(arguments, move, strict=False):
            if isinstance(a, list):
                own = d if isinstance(d, list) else oracle.vector(np.asarray(d)[len(d) - len(a) :])
                moved.append([p + sign * step * q for p, q in zip(a, own, strict=True)])
            else:
                moved.append(a + sign * step * mp.mpf(float(d)))
        value = definition.function(*moved, c)
        return value if isinstance(value, list) else [value]

    return [(p - q) / (2 * step) for p, q in zip(at(1), at(-1), strict=True)]


def wobble(function: Callable[[list[Any], Any], list[Any]], arguments: list[Any], c: Any) -> list[Any]:
    """Change of every output per relative change of the inputs, the larger of two random draws."""
    nudge = mp.mpf(10) ** -_NUDGE_DIGITS
    base = function(arguments, c)
    worst = [mp.mpf(0)] * len(base)
    for draw in range(2):
        moved = [_nudged(a, nudge, 10 * draw + i) for i, a in enumerate(arguments)]
        other = function(moved, c * (1 + (-1) ** draw * nudge))
        for i, (p, q) in enumerate(zip(other, base, strict=True)):
            worst[i] = max(worst[i], size_of([a - b for a, b in zip(p, q, strict=True)]) / nudge)
    return worst


def is_kink(seen: Any, size: Any) -> bool:
    """Whether a derivative jumps here (an angle at a straight line), so that there is none.

    Args:
        seen: what `wobble` says of the derivative.
        size: of the difference quotient or of what a library gives, whichever is larger.
    """
    nudge = mp.mpf(10) ** -_NUDGE_DIGITS
    return bool(seen * nudge > mp.sqrt(nudge) * size)


def beyond_jump(
    function: Callable[[list[Any], Any], list[Any]], arguments: list[Any], c: Any, base: list[Any], eps: float
) -> list[list[Any]]:
    """Per output, its values within a few roundings of the inputs that differ from `base` by more than half of it.

    A derivative that jumps between two neighbouring numbers (an angle at a line that is straight but for the last
    digit) has a value on either side and, as a generalized derivative, all between: inputs cannot tell which.
    """
    out: list[list[Any]] = [[] for _ in base]
    for draw in range(8):
        moved = [_nudged(a, (-1) ** draw * _FEW * mp.mpf(eps), 10 * (draw // 2) + i) for i, a in enumerate(arguments)]
        for i, (there, here) in enumerate(zip(function(moved, c), base, strict=True)):
            if 2 * size_of([a - b for a, b in zip(there, here, strict=True)]) > size_of(here):
                out[i].append(there)
    return out


def between(here: list[Any], others: list[list[Any]], got: list[Any]) -> list[list[Any]]:
    """The points nearest to `got` on the segments from `here` to the others."""
    out: list[list[Any]] = []
    for there in others:
        way = [b - a for a, b in zip(here, there, strict=True)]
        along_way = sum(((g - a) * w for g, a, w in zip(got, here, way, strict=True)), mp.mpf(0)) / size_of(way) ** 2
        part = min(max(along_way, mp.mpf(0)), mp.mpf(1))
        out.append([a + part * w for a, w in zip(here, way, strict=True)])
    return out


def _nudged(argument: Any, nudge: Any, seed: int) -> Any:
    if not isinstance(argument, list):
        return argument * (1 + nudge)
    direction = np.random.default_rng(seed).standard_normal(len(argument))
    scale = size_of(argument) * nudge / mp.mpf(float(np.linalg.norm(direction)))
    return [a + scale * mp.mpf(float(d)) for a, d in zip(argument, direction, strict=True)]

"""Where a finite answer is due: the exact answer exists in the dtype, and so does the exact derivative."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import mpmath as mp
import numpy as np
from hyp_manifolds.testing import CONTRACT, Batch, oracle

# A tangent longer than this changes only digits of the exact answer that float32 has not.
_LONGEST = 1000.0
_FREE = ("outside", "antipode")


@dataclass(frozen=True)
class Promise:
    """One row of one operation; exact arithmetic is slow, so ask only where a result is not finite."""

    batch: Batch
    operation: str
    row: int

    @property
    def _definition(self) -> Any:
        return oracle.ORACLES[self.batch.model].operations[self.operation]

    @property
    def _digits(self) -> int:
        return int(90 + 2 * min(self.batch.radius[self.row], 400.0) + min(float(self.batch.length[self.row]), _LONGEST))

    @property
    def arguments(self) -> list[Any]:
        """The exact arguments, without c."""
        picked = [self.batch.chart[k][self.row] for k in self._definition.arguments]
        return [mp.mpf(float(a)) if a.ndim == 0 else oracle.vector(a) for a in picked]

    @property
    def c(self) -> Any:
        """The exact curvature."""
        return mp.mpf(float(self.batch.c[self.row]))

    @property
    def _may_overflow(self) -> bool:
        """Where the contract allows an infinity: long tangents and points beyond the promised radius."""
        bound = CONTRACT[self.batch.model][self.operation]
        beyond = self.batch.radius[self.row] > oracle.ORACLES[self.batch.model].chart.promised[self.batch.dtype]
        return bound.overflows and (bool(beyond) or self.batch.regime[self.row].startswith("tangent"))

    @cached_property
    def exact(self) -> list[Any] | None:
        """The exact answer; None where there is none that is one number."""
        if self.batch.regime[self.row] in _FREE:
            return None
        with mp.workdps(self._digits):
            value = self._definition.function(*self.arguments, self.c)
        return _flat(value)

    @cached_property
    def _too_far(self) -> bool:
        """Points so far apart that the sinh of their distance overflows, where the contract makes that an excuse."""
        if not CONTRACT[self.batch.model][self.operation].representable_sinh:
            return False
        x, y = (oracle.vector(self.batch.chart[k][self.row]) for k in "xy")
        with mp.workdps(self._digits):
            apart = oracle.ORACLES[self.batch.model].operations["dist"].function(x, y, self.c)
            return bool(mp.sqrt(abs(self.c)) * apart > oracle.SINH_LIMIT[self.batch.dtype])

    @cached_property
    def _representable(self) -> bool:
        largest = float(np.finfo(self.batch.dtype).max)
        return self.exact is None or bool(max(abs(t) for t in self.exact) <= largest)

    def broken_by(self, value: np.ndarray) -> bool:
        """Whether a value that is not finite breaks the promise: a NaN, or an infinity where none is allowed."""
        if self._too_far:
            return False
        return bool(np.isnan(value).any()) or (self._representable and not self._may_overflow)

    def gradient_broken_by(self, value: np.ndarray, cotangent: np.ndarray) -> bool:
        """Whether a gradient that is not finite breaks the promise: the exact one, by all arguments and c, exists.

        For tangents so long that an infinity is allowed, only where the value still has a correct digit.
        """
        if self._too_far or not self._representable:
            return False
        if self.exact is None or not any(self.exact):
            return True
        if self._may_overflow and not self._error(value) < 1:
            return False
        axis = oracle.ORACLES[self.batch.model].axis
        with mp.workdps(int(1.5 * self._digits)):
            weight = oracle.vector(cotangent[: len(self.exact)])
            largest = mp.mpf(0)
            # a processor may take a denormal for 0, and then the gradient there is the right one
            for arguments in (self.arguments, [_flushed(a, self.batch.dtype) for a in self.arguments]):
                gradients = oracle.vjp(self._definition, arguments, self.c, weight, axis)
                largest = max(largest, *(abs(t) for gradient in gradients for t in gradient))
            return bool(largest < 1e-3 * float(np.finfo(self.batch.dtype).max))

    @property
    def _size(self) -> Any:
        return mp.sqrt(sum(t * t for t in self.exact or ()))

    def _error(self, value: np.ndarray) -> float:
        """Relative error of a value."""
        assert self.exact is not None
        own = np.asarray(value, np.float64)[len(value) - len(self.exact) :]
        if not np.isfinite(own).all():
            return float("inf")
        gaps = [mp.mpf(float(a)) - b for a, b in zip(own, self.exact, strict=True)]
        return float(mp.sqrt(sum(t * t for t in gaps)) / self._size)


def ignored_letters(model: str, operation: str, batch: Batch) -> str:
    """Letters of the arguments, and c, that the exact operation does not depend on (in flat space, for example)."""
    exact = oracle.ORACLES[model]
    definition = exact.operations[operation]
    regular = [i for i, regime in enumerate(batch.regime) if regime == "generic" and 1 <= batch.radius[i] <= 3]
    letters = (*definition.arguments, "c")
    # where arrays can leave the manifold, points carry the curvature with them
    carried = "c" if exact.canonical is not None and set("xy") & set(letters) else ""
    ignored = set(letters)
    for row in regular[:6]:
        promise = Promise(batch, operation, row)
        arguments, c = promise.arguments, promise.c
        with mp.workdps(90):
            base = _flat(definition.function(*arguments, c))
            for i, letter in enumerate(letters):
                if letter == carried:
                    continue
                moved = [*arguments, c]
                nudge = 1 + mp.mpf(2) ** -7
                moved[i] = [*moved[i][:-1], moved[i][-1] * nudge] if isinstance(moved[i], list) else moved[i] * nudge
                gap = max(abs(a - b) for a, b in zip(_flat(definition.function(*moved)), base, strict=True))
                if gap > mp.mpf(10) ** -60 * max(abs(t) for t in base):
                    ignored.discard(letter)
    return "".join(sorted(ignored))


def _flushed(argument: Any, dtype: str) -> Any:
    """The argument with 0 for denormals."""
    least = float(np.finfo(dtype).tiny)
    flushed = [t if abs(t) >= least else mp.mpf(0) for t in _flat(argument)]
    return flushed if isinstance(argument, list) else flushed[0]


def _flat(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]

"""What this machine can do at best, measured in the same run: memory traffic, arithmetic, dispatch."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from .case import Work

_STREAM, _SQUARE, _TRIES = 1 << 24, 2048, 5


class Ceilings(NamedTuple):
    """The limits of one core.

    Attributes:
        bandwidth: bytes per second of a sum in place, two streams read and one written.
        flops: additions and multiplications per second of a float32 matrix product.
        dispatch: seconds of a compiled call that does nothing.
    """

    bandwidth: float
    flops: float
    dispatch: float

    def floor(self, work: Work) -> float:
        """Seconds below which the work cannot be done: the slowest of traffic, arithmetic and one dispatch."""
        return max(work.bytes / self.bandwidth, work.flops / self.flops, self.dispatch)


def measure(clock: Callable[[], float]) -> Ceilings:
    """The ceilings, each the best of several tries: anything that disturbs makes them slower, nothing faster."""
    import jax
    import jax.numpy as jnp

    # Results in fresh memory would be page-faulted and look slower than the memory is: in place.
    stream, other = np.ones(_STREAM, np.float32), np.ones(_STREAM, np.float32)
    square = jnp.ones((_SQUARE, _SQUARE))
    product, nothing = jax.jit(jnp.matmul), jax.jit(lambda a: a)
    one = jnp.ones(())

    def best(run: Callable[[], object], inner: int = 1) -> float:
        run()
        times = []
        for _ in range(_TRIES):
            start = clock()
            for _ in range(inner):
                run()
            times.append((clock() - start) / inner)
        return min(times)

    return Ceilings(
        3 * stream.nbytes / best(lambda: np.add(stream, other, out=stream)),
        2 * _SQUARE**3 / best(lambda: product(square, square).block_until_ready()),
        best(lambda: nothing(one).block_until_ready(), 200),
    )

"""Timing of several contenders in turn: medians, spread, and ratios within a round."""

from __future__ import annotations

import random
import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from .case import Ready

_WARM_UP, _LEAST_ROUNDS, _MOST_ROUNDS, _MOST_INNER = 2, 5, 60, 50
_LEAST_SECONDS = 5e-4  # of one measurement: a shorter one would measure the clock


class Spread(NamedTuple):
    """A median with the 10th and the 90th percentile."""

    median: float
    low: float
    high: float

    @staticmethod
    def of(values: Sequence[float]) -> Spread:
        """The spread of at least one number."""
        if len(values) == 1:
            return Spread(values[0], values[0], values[0])
        deciles = statistics.quantiles(values, n=10, method="inclusive")
        return Spread(statistics.median(values), deciles[0], deciles[-1])


def in_turn(
    contenders: Mapping[str, Ready], clock: Callable[[], float], seconds: float, order: random.Random
) -> dict[str, list[float]]:
    """Seconds per job of every contender, a number for each round.

    Machines drift by more than the differences of interest: every contender runs in every round, in random order. The
    first runs compile and warm up and do not count.

    Args:
        contenders: what to run.
        clock: counts seconds.
        seconds: about how long all rounds take together; there are at least 5 and at most 60 of them.
        order: of the contenders within a round.
    """
    for ready in contenders.values():
        ready.run()
    once = {name: min(_timed(ready, clock, 1) for _ in range(_WARM_UP)) for name, ready in contenders.items()}
    inner = {name: max(1, min(_MOST_INNER, round(_LEAST_SECONDS / max(t, 1e-9)))) for name, t in once.items()}
    a_round = sum(once[name] * inner[name] for name in contenders)
    rounds = max(_LEAST_ROUNDS, min(_MOST_ROUNDS, int(seconds / max(a_round, 1e-9))))
    taken: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name in order.sample(sorted(contenders), len(contenders)):
            taken[name].append(_timed(contenders[name], clock, inner[name]) / contenders[name].repeats)
    return taken


def _timed(ready: Ready, clock: Callable[[], float], inner: int) -> float:
    result = None
    start = clock()
    for _ in range(inner):
        result = ready.run()
    stop = clock()
    del result  # freed outside the clock, before the next contender needs the memory
    return (stop - start) / inner


def ratios(taken: Mapping[str, Sequence[float]], base: str) -> dict[str, Spread]:
    """Time of each over the time of `base` in the same round."""
    return {
        name: Spread.of([t / b for t, b in zip(series, taken[base], strict=True)]) for name, series in taken.items()
    }

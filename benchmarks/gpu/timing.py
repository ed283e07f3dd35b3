"""Seconds of calls that take turns, with a limit on the whole."""

import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any

import jax

Call = Callable[[], Any]


def compile_for(function: Callable[..., Any], *arguments: Any, donate: tuple[int, ...] = ()) -> tuple[Any, float]:
    """The compiled program and the seconds that tracing and compiling took."""
    start = time.perf_counter()
    program = jax.jit(function, donate_argnums=donate).lower(*arguments).compile()
    return program, time.perf_counter() - start


def megabytes(program: Any) -> float | None:
    """XLA's count of temporaries; None where the backend has none."""
    analysis = program.memory_analysis()
    return None if analysis is None else analysis.temp_size_in_bytes / 1e6


def take_turns(calls: Mapping[str, Call], *, rounds: int = 20, seconds: float = 8.0) -> dict[str, dict[str, float]]:
    """Median and 10th and 90th percentile of each call's seconds.

    Short calls run several times a round, so that the clock and the wait for the device do not count. No round begins
    once `seconds` have passed, but three there are at least.
    """
    inner = {}
    for name, call in calls.items():
        jax.block_until_ready(call())
        start = time.perf_counter()
        jax.block_until_ready(call())
        inner[name] = max(1, min(50, int(2e-3 / max(time.perf_counter() - start, 1e-9))))
    taken: dict[str, list[float]] = {name: [] for name in calls}
    begin = time.perf_counter()
    for turn in range(rounds):
        if turn >= 3 and time.perf_counter() - begin > seconds:
            break
        for name, call in calls.items():
            start = time.perf_counter()
            for _ in range(inner[name]):
                out = call()
            jax.block_until_ready(out)
            taken[name].append((time.perf_counter() - start) / inner[name])
    return {name: _summary(values) for name, values in taken.items()}


def _summary(values: list[float]) -> dict[str, float]:
    values = sorted(values)
    last = len(values) - 1
    return {
        "seconds": statistics.median(values),
        "low": values[round(0.1 * last)],
        "high": values[round(0.9 * last)],
        "rounds": len(values),
    }

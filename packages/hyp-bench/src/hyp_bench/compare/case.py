"""What is compared: one job, several libraries that do it on the same inputs, and what the machine must do for it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

FORWARD, GRADIENT, STEP = "forward", "with gradient", "step"


class Work(NamedTuple):
    """The least that any implementation does.

    Attributes:
        bytes: read once and written once.
        flops: additions and multiplications.
    """

    bytes: float
    flops: float


@dataclass(frozen=True)
class Ready:
    """A contender whose arguments are on the device.

    Attributes:
        run: does the job once and waits for it.
        output: the result as the judge wants it; None where there is none to judge.
        temporary: compiles ahead of time and returns XLA's count of temporary bytes; None for other libraries.
        repeats: how often `run` does the job.
    """

    run: Callable[[], Any]
    output: Callable[[], np.ndarray] | None = None
    temporary: Callable[[], int] | None = None
    repeats: int = 1


@dataclass(frozen=True)
class Case:
    """One job at one size.

    Attributes:
        family: the module that has it.
        operation, size, mode: its name.
        contenders: library to what makes it ready; the inputs are NumPy arrays, the same for all.
        work: its least traffic and arithmetic.
        judge: takes a result and returns its worst error in units of the float32 rounding, 2^-23, by band of radius;
            the first band decides what is wrong. None: the verdict of the same operation and size holds.
        tolerance: the error in the first band, relative to the exact result, beyond which a result is wrong.
        series, at: the curve that the case is a point of, and where on it.
        key: names the case; made from the others.
    """

    family: str
    operation: str
    size: str
    mode: str
    contenders: Mapping[str, Callable[[], Ready]]
    work: Work
    judge: Callable[[np.ndarray], dict[str, float]] | None = None
    tolerance: float = 1e-3
    series: str = ""
    at: float = 0.0
    key: str = field(init=False)

    def __post_init__(self) -> None:
        name = f"{self.family}: {self.operation} {self.size} {self.mode} {self.series}"
        object.__setattr__(self, "key", name.strip())


def of_jax(
    function: Callable[..., Any], arguments: tuple[Any, ...], output: Callable[[Any], Any] | None = None
) -> Ready:
    """A jitted JAX function and its arguments on the device."""
    import jax

    program = jax.jit(function)
    placed = jax.block_until_ready(jax.tree.map(jax.numpy.asarray, arguments))

    def temporary() -> int:
        return temporaries(program, placed)

    return Ready(
        run=lambda: jax.block_until_ready(program(*placed)),
        output=None if output is None else lambda: np.asarray(output(program(*placed))),
        temporary=temporary,
    )


def temporaries(program: Any, arguments: tuple[Any, ...]) -> int:
    """XLA's count of temporary bytes of a jitted function, arguments and results apart."""
    return int(program.lower(*arguments).compile().memory_analysis().temp_size_in_bytes)


def seconds_to_compile(function: Callable[..., Any], arguments: tuple[Any, ...], clock: Callable[[], float]) -> float:
    """Time to trace and compile, with nothing cached."""
    import jax

    jax.clear_caches()
    start = clock()
    jax.jit(function).lower(*arguments).compile()
    return clock() - start


CLOCKS: dict[str, Callable[[], float]] = {"wall": time.perf_counter, "cpu": time.process_time}

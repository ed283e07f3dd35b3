"""From cases to rows: times, ratios, floors, memory and verdicts."""

from __future__ import annotations

import gc
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from .case import CLOCKS, Case, Ready, seconds_to_compile
from .cases import compile as compilation
from .cases import training
from .floor import Ceilings
from .libraries import OURS
from .memory import peak
from .timing import Spread, in_turn, ratios

_EPS, _COMPILE_ROUNDS = 2.0**-23, 3


@dataclass(frozen=True)
class Row:
    """One library at one case.

    Attributes:
        family, operation, size, mode, library: which.
        seconds: a job's time, None where only memory was measured.
        ratio: its time over ours, within rounds.
        floor: seconds below which this machine cannot do it, None where no such bound is known.
        temporary: bytes of XLA's temporaries.
        peak: bytes that a process of its own adds at its peak, results included.
        errors: worst errors by band of radius, in units of 2^-23.
        wrong: whether the error is beyond the tolerance.
        count: compilations.
        note: what else must be said.
        series, at: the curve it is a point of.
    """

    family: str
    operation: str
    size: str
    mode: str
    library: str
    seconds: Spread | None = None
    ratio: Spread | None = None
    floor: float | None = None
    temporary: float | None = None
    peak: float | None = None
    errors: dict[str, float] = field(default_factory=dict)
    wrong: bool = False
    count: int | None = None
    note: str = ""
    series: str = ""
    at: float = 0.0


class Measured(NamedTuple):
    """What was measured.

    Attributes:
        rows: every library at every job.
        ceilings: of the machine; None where only hostile inputs were asked for.
        growth: fitted exponents.
        interrupted: whether it was ended before its end.
    """

    rows: list[Row]
    ceilings: Ceilings | None
    growth: dict[str, float]
    interrupted: bool


@dataclass(frozen=True)
class Settings:
    """How to measure.

    Attributes:
        against: the peers that are here.
        quick: small sizes, few rounds.
        clock: "wall", or "cpu" for a machine that is busy with other things.
        speed, memory: what to measure.
        seconds: about how long the rounds of a case take.
        budget: seconds that a training may take.
        only: part of the names of the jobs to measure.
    """

    against: tuple[str, ...] = ()
    quick: bool = False
    clock: str = "wall"
    speed: bool = True
    memory: bool = True
    seconds: float = 2.0
    budget: float = 300.0
    only: str = ""

    @property
    def now(self) -> Callable[[], float]:
        """The clock."""
        return CLOCKS[self.clock]


class Verdicts:
    """Errors by operation, size and library: a gradient shares the verdict of its forward case."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str, str], tuple[dict[str, float], bool]] = {}

    def of(self, case: Case, library: str, ready: Ready) -> tuple[dict[str, float], bool]:
        """The errors, and whether the first is beyond the case's tolerance."""
        key = (case.operation, case.size, library)
        if case.judge is not None and ready.output is not None:
            errors = case.judge(ready.output())
            first = next(iter(errors.values()))
            self._known[key] = errors, not first * _EPS <= case.tolerance
        return self._known.get(key, ({}, False))


def measured(case: Case, settings: Settings, ceilings: Ceilings, verdicts: Verdicts, order: random.Random) -> list[Row]:
    """The rows of one case, ours first."""
    ready, failed = {}, {}
    for library, build in case.contenders.items():
        try:
            ready[library] = build()
            ready[library].run()
        except Exception as error:  # a peer's, whatever it is: the others still have their rows
            if library == OURS:
                raise
            ready.pop(library, None)
            failed[library] = f"failed: {type(error).__name__}: {str(error).splitlines()[0][:80] if str(error) else ''}"
    judged = {library: verdicts.of(case, library, one) for library, one in ready.items()}
    taken = in_turn(ready, settings.now, settings.seconds, order) if settings.speed else {}
    over = ratios(taken, OURS) if taken else {}
    torch = any(one.temporary is None for one in ready.values())
    floor = ceilings.floor(case.work)
    rows = []
    for library, one in ready.items():
        counted = one.temporary is not None and settings.memory
        beside = torch and settings.memory and not case.series
        rows.append(
            _row(
                case,
                library,
                seconds=Spread.of(taken[library]) if taken else None,
                ratio=over.get(library),
                floor=floor,
                temporary=float(one.temporary()) if counted and one.temporary else None,
                peak=peak(case, library, settings.against, settings.quick) if beside else None,
                errors=judged[library][0],
                wrong=judged[library][1],
            )
        )
    rows += [_row(case, library, note=note) for library, note in failed.items()]
    ready.clear()
    gc.collect()
    return rows


def _row(case: Case, library: str, **more: object) -> Row:
    fields = (case.family, case.operation, case.size, case.mode, library)
    return Row(*fields, series=case.series, at=case.at, **more)  # pyright: ignore[reportArgumentType]


def compiled(settings: Settings) -> Iterator[list[Row]]:
    """Rows of the time to compile gradients and of the compilations in a sweep of curvatures."""
    for (operation, size), builders in compilation.jobs(settings.against, settings.quick).items():
        if settings.only not in f"compile: {operation} {size}":
            continue
        built = {library: build() for library, build in builders.items()}
        taken: dict[str, list[float]] = {library: [] for library in built}
        for job in built.values():  # the first pays for imports and for the machine's caches
            seconds_to_compile(*job, settings.now)
        for _ in range(_COMPILE_ROUNDS):
            for library, job in built.items():
                taken[library].append(seconds_to_compile(*job, settings.now))
        over = ratios(taken, OURS)
        yield [
            Row("compile", operation, size, compilation.COMPILE, library, Spread.of(taken[library]), over[library])
            for library in built
        ]
        if not operation[0].isdigit():
            yield [
                Row(
                    "compile", operation, size, compilation.SWEEP, library,
                    count=compilation.compilations_in_a_sweep(job), note="gradients at 8 curvatures in turn",
                )
                for library, job in built.items()
            ]  # fmt: skip


def trained(settings: Settings) -> Iterator[list[Row]]:
    """Rows of the time to equal MAP, ours first."""
    base = 0.0
    for library in (OURS, *(name for name in settings.against if name == "gensim")):
        for race in training.races(library, settings.now, settings.budget):
            base = base or race.seconds
            note = ("reached" if race.reached else "not reached, stopped at") + f" MAP {race.precision:.3f}"
            yield [
                Row(
                    "training", "mammals, 5-D", f"{race.epochs} epochs", f"to MAP {training.TARGET}", race.library,
                    Spread.of([race.seconds]), Spread.of([race.seconds / base]), note=note,
                )
            ]  # fmt: skip


def growth(rows: Sequence[Row], exponent: Callable[[Sequence[float], Sequence[float]], float]) -> dict[str, float]:
    """Fitted exponents of time and of temporary memory: the curve's name to the power of what grows along it."""
    curves: dict[str, list[tuple[float, float]]] = {}
    for row in rows:
        name = f"{row.operation} {row.mode}: {row.series}, {row.library}"
        if row.series and row.seconds is not None:
            curves.setdefault(f"time, {name}", []).append((row.at, row.seconds.median))
        if row.series and row.temporary:
            curves.setdefault(f"memory, {name}", []).append((row.at, row.temporary))
    return {
        name: exponent([at for at, _ in points], [value for _, value in points])
        for name, points in curves.items()
        if len(points) > 1
    }


__all__ = ["Measured", "Row", "Settings", "Verdicts", "compiled", "growth", "measured", "trained"]

"""One run: every family in turn, printed as it goes."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from rich.console import Console

from .cases import FAMILIES, timed_cases
from .cases.scaling import exponent
from .floor import Ceilings
from .floor import measure as ceilings_of
from .measure import Measured, Row, Settings, Verdicts, compiled, growth, measured, trained
from .report import line


def run(settings: Settings, console: Console, families: Sequence[str] = FAMILIES) -> Measured:
    """Measures, and prints every job as it is done; Ctrl-C ends it with what was measured until then."""
    ceilings = ceilings_of(settings.now)
    rows: list[Row] = []
    interrupted = False
    try:
        for found in _jobs(settings, families, ceilings):
            rows.extend(found)
            console.print(line(found), soft_wrap=True)
    except KeyboardInterrupt:
        interrupted = True
        console.print(f"interrupted: what follows is of the {len(rows)} rows until then")
    return Measured(rows, ceilings, growth(rows, exponent), interrupted)


def _jobs(settings: Settings, families: Sequence[str], ceilings: Ceilings) -> Iterator[list[Row]]:
    """The rows of one job after the other."""
    verdicts, order = Verdicts(), random.Random(0)
    for case in timed_cases(settings.against, settings.quick, families):
        if settings.only in case.key:
            yield measured(case, settings, ceilings, verdicts, order)
    if settings.speed and "compile" in families:
        yield from compiled(settings)
    if settings.speed and "training" in families and settings.only in "training: mammals":
        yield from trained(settings)

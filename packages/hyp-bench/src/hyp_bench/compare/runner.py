"""One run: every family in turn, printed as it goes."""

from __future__ import annotations

import random
from collections.abc import Sequence

from rich.console import Console

from .cases import FAMILIES, timed_cases
from .cases.scaling import exponent
from .floor import Ceilings
from .floor import measure as ceilings_of
from .measure import Row, Settings, Verdicts, compiled, growth, measured, trained
from .report import line


def run(
    settings: Settings, console: Console, families: Sequence[str] = FAMILIES
) -> tuple[list[Row], Ceilings, dict[str, float]]:
    """Measures; returns rows, ceilings and exponents, and prints every job as it is done."""
    ceilings, verdicts, order = ceilings_of(settings.now), Verdicts(), random.Random(0)
    rows: list[Row] = []

    def add(found: list[Row]) -> None:
        rows.extend(found)
        console.print(line(found), soft_wrap=True)

    for case in timed_cases(settings.against, settings.quick, families):
        if settings.only not in case.key:
            continue
        add(measured(case, settings, ceilings, verdicts, order))
    if settings.speed and "compile" in families:
        for found in compiled(settings):
            add(found)
    if settings.speed and "training" in families and settings.only in "training: mammals":
        for found in trained(settings):
            add(found)
    return rows, ceilings, growth(rows, exponent)

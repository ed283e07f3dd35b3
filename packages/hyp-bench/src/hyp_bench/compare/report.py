"""What a run looks like: a table on the terminal, a picture."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from hyp_bench.report.atomic import atomic_write
from hyp_bench.report.palette import LIGHT, LIGHT_BRANCHES

from .floor import Ceilings
from .libraries import OURS
from .measure import Measured, Row

_WIDTH = 220
HEADINGS = ("job", "library", "time", "over ours (10-90 %)", "floor", "XLA MB", "peak MB", "error, eps")
NOTE = (
    "Time: median of rounds in which every library ran in turn. Over ours: its time over ours within a round, median "
    "and 10th to 90th percentile; above 1 we are faster. Floor: what this machine's memory traffic and arithmetic "
    "allow, as a share of the time. XLA MB: temporaries, without arguments and results. Peak MB: what a process of its "
    "own adds, results included. Error: the worst of a few rows in units of 2^-23, for points by band of radius, to 5 "
    "and 5 to 10; WRONG is beyond the tolerance."
)


def cells(row: Row) -> tuple[str, ...]:
    """The row as text, in the order of `HEADINGS`; a new job is named by its first row, which is ours."""
    job = f"{row.operation} {row.size}, {row.mode}" if row.library == OURS else ""
    if row.count is not None:
        return job, row.library, f"{row.count} compiled", "", "", "", "", row.note
    errors = " / ".join(_digits(e) for e in row.errors.values())
    return (
        job,
        row.library,
        "" if row.seconds is None else duration(row.seconds.median),
        "" if row.ratio is None or row.library == OURS else ratio(row),
        "" if row.floor is None or row.seconds is None else f"{row.floor / row.seconds.median:.0%}",
        "" if row.temporary is None else f"{row.temporary / 1e6:.1f}",
        "" if row.peak is None else f"{row.peak / 1e6:.1f}",
        " ".join(text for text in (errors, "WRONG" if row.wrong else "", row.note) if text),
    )


def duration(seconds: float) -> str:
    """Three digits with a unit."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= size or unit == "us":
            return f"{seconds / size:.3g} {unit}"
    raise AssertionError


def ratio(row: Row) -> str:
    """Median and spread of the ratio."""
    assert row.ratio is not None
    low, high = row.ratio.low, row.ratio.high
    return f"{row.ratio.median:.2f}" + (f" ({low:.2f}-{high:.2f})" if low < high else "")


def _digits(value: float) -> str:
    return f"{value:.1f}" if value < 100 else f"{value:.1e}".replace("e+0", "e")


def line(rows: Sequence[Row]) -> str:
    """The rows of one job in one line: our time, and the others' over it."""
    first, *others = rows
    parts = [" ".join(text for text in cells(first) if text)]
    for row in others:
        what = ratio(row) if row.ratio is not None else cells(row)[2]
        parts.append(" ".join(text for text in (row.library, what, "WRONG" if row.wrong else "", row.note) if text))
    return "; ".join(parts)


def print_rows(console: Console, measured: Measured) -> None:
    """Prints the table, the ceilings and the exponents."""
    table = Table(box=box.ASCII2 if not console.is_terminal else box.ROUNDED)
    for heading in HEADINGS:
        justify = "left" if heading in ("job", "library") else "right"
        table.add_column(heading, justify=justify, no_wrap=not console.is_terminal)
    for row in measured.rows:
        table.add_row(*cells(row))
    # A file has no width: the one that a console assumes there would break the cells.
    wide = console if console.is_terminal else Console(file=console.file, width=_WIDTH, markup=False, highlight=False)
    wide.print(table)
    console.print(NOTE, soft_wrap=True)
    if measured.ceilings is not None:
        console.print(limits(measured.ceilings), soft_wrap=True)
    for curve, exponent in measured.growth.items():
        console.print(f"n^{exponent:.2f}: {curve}", soft_wrap=True)


def limits(ceilings: Ceilings) -> str:
    """The ceilings in words."""
    return (
        f"This machine: {ceilings.bandwidth / 1e9:.0f} GB/s in place, {ceilings.flops / 1e9:.0f} GF/s in a float32 "
        f"matrix product, {1e6 * ceilings.dispatch:.1f} us a call."
    )


def plot(path: Path, rows: Sequence[Row], title: str) -> None:
    """Draws the ratio of every peer at every job with its spread; right of the line we are faster."""
    # Figures are made without pyplot, whose global state would keep every figure alive and need a choice of backend.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    drawn = [row for row in rows if row.ratio is not None and row.library != OURS and not row.series]
    jobs = list(dict.fromkeys((row.operation, row.size, row.mode) for row in drawn))
    libraries = list(dict.fromkeys(row.library for row in drawn))
    figure = Figure(figsize=(10, 1.6 + 0.2 * len(jobs)), dpi=120, facecolor=LIGHT["page"], layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot(facecolor=LIGHT["disk"])
    axes.axvline(1, color=LIGHT["rim"], zorder=0)
    for k, library in enumerate(libraries):
        own = [row for row in drawn if row.library == library and row.ratio is not None]
        places = [jobs.index((row.operation, row.size, row.mode)) for row in own]
        spreads = [row.ratio for row in own if row.ratio is not None]
        axes.errorbar(
            [s.median for s in spreads],
            places,
            xerr=[[s.median - s.low for s in spreads], [s.high - s.median for s in spreads]],
            fmt="o",
            markersize=4,
            color=LIGHT_BRANCHES[k % len(LIGHT_BRANCHES)],
            label=library,
        )
        for row, place in zip(own, places, strict=True):
            if row.wrong and row.ratio is not None:
                axes.plot(row.ratio.median, place, "x", markersize=10, color=LIGHT["ink"])
    axes.set(xscale="log", ylim=(len(jobs) - 0.5, -0.5), xlabel="time over ours (x: wrong result)")
    axes.set_yticks(range(len(jobs)), [", ".join(job) for job in jobs], fontsize=7)
    axes.set_title(title, color=LIGHT["ink"])
    if libraries:
        axes.legend(frameon=False, loc="lower right", fontsize=8)
    image = BytesIO()
    figure.savefig(image, format="png", facecolor=LIGHT["page"])
    with atomic_write(path) as file:
        file.write(image.getvalue())


__all__ = ["HEADINGS", "NOTE", "cells", "duration", "limits", "line", "plot", "print_rows", "ratio"]

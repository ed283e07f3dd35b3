"""The table of a reconstruction task."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rich import box
from rich.console import Console
from rich.table import Table


class Row(NamedTuple):
    """One run, or one published number.

    Attributes:
        name: what was run.
        mean_rank: MR.
        mean_average_precision: MAP.
        seconds: wall time, None if unknown.
        largest_radius: the largest distance of a point from the origin, None if unknown.
    """

    name: str
    mean_rank: float
    mean_average_precision: float
    seconds: float | None = None
    largest_radius: float | None = None


def print_scores(console: Console, title: str, rows: Sequence[Row]) -> None:
    """Prints one line a run: MR, MAP, seconds and the largest radius."""
    console.print(title)
    table = Table(box=box.ASCII2 if not console.is_terminal else box.ROUNDED)
    table.add_column("")
    for name in ("MR", "MAP", "seconds", "largest radius"):
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(
            row.name,
            f"{row.mean_rank:.{3 if row.mean_rank < 10 else 1}f}",
            f"{row.mean_average_precision:.3f}",
            "-" if row.seconds is None else f"{row.seconds:.1f}",
            "-" if row.largest_radius is None else f"{row.largest_radius:.1f}",
        )
    console.print(table)

"""The table of the counts."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.table import Table

from hyp_bench.hostile.row import Row

_COUNTS = ("non_finite", "non_finite_gradient", "off_manifold", "implausible")


def broken(rows: Sequence[Row]) -> list[Row]:
    """Rows in which hyp-manifolds breaks its promises."""
    return [row for row in rows if row.library == "hyp-manifolds" and row.accepted and row.wrong]


def table(rows: Sequence[Row]) -> Table:
    """A line for each model of each library, and one for every operation of it with a count above 0.

    Answers to infinite inputs, of which no library says anything, count in the first only. Counts in parentheses are of
    inputs that lie outside what the library says it accepts.
    """
    out = Table(
        title="Hostile inputs, float32",
        caption="In parentheses: inputs outside what the library says it accepts.",
        box=box.ASCII2,
    )
    for name in ("library", "model", "operation"):
        out.add_column(name)
    for name in ("inputs", "not finite", "gradient not finite", "off the manifold", "answers to inf, NaN"):
        out.add_column(name, justify="right")
    for library, model in dict.fromkeys((row.library, row.model) for row in rows):
        own = [row for row in rows if (row.library, row.model) == (library, model)]
        operations = list(dict.fromkeys(row.operation for row in own))
        out.add_row(library, model, f"all {len(operations)}", *_cells(own))
        for operation in operations:
            few = [row for row in own if row.operation == operation]
            if any(row.wrong for row in few if row.kind != "infinite"):
                out.add_row("", "", operation, *_cells(few))
    return out


def _cells(rows: Sequence[Row]) -> list[str]:
    cells = [f"{sum(row.inputs for row in rows):,}"]
    for name in _COUNTS:
        ours = sum(getattr(row, name) for row in rows if row.accepted)
        marked = sum(getattr(row, name) for row in rows if not row.accepted)
        cells.append(f"{ours}" + (f" ({marked})" if marked else ""))
    return cells

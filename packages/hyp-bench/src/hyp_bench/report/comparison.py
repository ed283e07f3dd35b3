"""The table of networks beside their Euclidean twins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from rich import box
from rich.console import Console
from rich.table import Table

NOTE = (
    "Accuracy on images not trained on: mean over the seeds and, in brackets, the spread, which is the sample standard "
    "deviation over the seeds. Seconds with compilation. * The means differ by less than the larger spread."
)


class Versus(NamedTuple):
    """A network and its twin.

    Attributes:
        name: of the row.
        hyperbolic: accuracies of the network, one for each seed.
        euclidean: accuracies of the twin.
        required: what was required of the network, in words.
        seconds: of the network and of the twin.
    """

    name: str
    hyperbolic: Float[np.ndarray, "seeds"]
    euclidean: Float[np.ndarray, "seeds"]
    required: str
    seconds: tuple[float, float]


def print_versus(console: Console, title: str, rows: Sequence[Versus]) -> None:
    """Prints a line for each pair: both accuracies, what was required, the seconds, and who wins."""
    console.print(title, soft_wrap=True)
    table = Table(box=box.ASCII2 if not console.is_terminal else box.ROUNDED)
    table.add_column("")
    for name in ("hyperbolic", "Euclidean", "required", "seconds"):
        table.add_column(name, justify="right")
    table.add_column("who wins")
    for row in rows:
        seconds = "{:.1f} / {:.1f}".format(*row.seconds)
        table.add_row(row.name, _cell(row.hyperbolic), _cell(row.euclidean), row.required, seconds, winner(row))
    console.print(table)
    console.print(NOTE, soft_wrap=True)


def winner(row: Versus) -> str:
    """Who has the larger mean and by how much; a star if it is by less than the larger spread."""
    ahead = float(np.mean(row.hyperbolic) - np.mean(row.euclidean))
    if ahead == 0:
        return "nobody"
    star = "*" if abs(ahead) < max(spread(row.hyperbolic), spread(row.euclidean)) else ""
    return f"{'hyperbolic' if ahead > 0 else 'Euclid wins'} +{_short(abs(ahead))}{star}"


def spread(accuracies: Float[np.ndarray, "seeds"]) -> float:
    """Sample standard deviation; 0 for one seed."""
    return float(np.std(accuracies, ddof=1)) if len(accuracies) > 1 else 0.0


def _cell(accuracies: Float[np.ndarray, "seeds"]) -> str:
    return _short(float(np.mean(accuracies))) + (f" ({_short(spread(accuracies))})" if len(accuracies) > 1 else "")


def _short(share: float) -> str:
    return f"{share:.3f}".removeprefix("0")

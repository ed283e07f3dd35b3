"""The registry: a task is one file of this folder and one line here."""

from __future__ import annotations

from typing import ClassVar, Protocol

from rich.console import Console

from hyp_bench.tasks.accuracy import Accuracy
from hyp_bench.tasks.compare import Compare
from hyp_bench.tasks.delta import Delta
from hyp_bench.tasks.digits import Digits
from hyp_bench.tasks.embed import Embed
from hyp_bench.tasks.mammals import Mammals
from hyp_bench.tasks.regress import Regress
from hyp_bench.tasks.tree import Tree


class Task(Protocol):
    """A subcommand: a dataclass whose fields are its options and whose docstring is its help.

    A task's module imports JAX and what needs it only inside `run`, so that help and complaints about options come at
    once.

    Attributes:
        float64: whether JAX's 64-bit mode is turned on before it runs.
    """

    float64: ClassVar[bool]

    def run(self, console: Console) -> int:
        """Runs the task and returns the exit code."""
        ...


TASKS: dict[str, type[Task]] = {
    "mammals": Mammals,
    "embed": Embed,
    "delta": Delta,
    "tree": Tree,
    "digits": Digits,
    "accuracy": Accuracy,
    "compare": Compare,
    "regress": Regress,
}

"""What became slower since another revision."""

from __future__ import annotations

import dataclasses
from typing import ClassVar, Literal

import tyro
from rich.console import Console

from hyp_bench.tasks._options import require


@dataclasses.dataclass(frozen=True)
class Regress:
    """Measure the working tree beside another revision, interleaved in one run, and fail where it is slower.

    Run it in a clone of the repository. BASE_REV is checked out into a temporary folder; two processes, on one core,
    measure both in turn, round by round, with the same measuring code. Exits with 1 where a time grows by more than
    15 % beyond the spread of the rounds; what looks slower is measured again, three times as long.
    """

    float64: ClassVar[bool] = False

    base_rev: tyro.conf.Positional[str]
    """A commit, a branch or a tag."""
    only: str = ""
    """Only jobs whose names hold this text, such as 'ball dist'."""
    rounds: int = 15
    """Rounds of each job."""
    clock: Literal["wall", "cpu"] = "wall"
    """cpu counts the processes' own time: for a machine that is busy with other things."""

    def run(self, console: Console) -> int:
        """Runs the task and returns the exit code."""
        from hyp_bench.compare.report import duration
        from hyp_bench.regress import changes, checkouts

        require(self.rounds >= 3, f"--rounds must be at least 3, got {self.rounds}.")
        worse, count = [], 0
        with checkouts(self.base_rev) as pair:
            console.print(f"base {pair.revision[:12]}, head {pair.head}")
            for change in changes(pair, self.only, self.clock, self.rounds):
                if change.ratio is None:
                    console.print(f"{change.name}: not compared, {change.note}", soft_wrap=True)
                    continue
                count += 1
                r = change.ratio
                console.print(
                    f"{change.name}: {duration(change.base)} -> {duration(change.head)}, x {r.median:.2f} "
                    f"({r.low:.2f}-{r.high:.2f}){'  SLOWER' if change.worse else ''}",
                    soft_wrap=True,
                )
                worse += [change.name] if change.worse else []
        console.print(f"{count} jobs, {len(worse)} slower by more than 15 % beyond the spread")
        for name in worse:
            console.print(f"slower: {name}", soft_wrap=True)
        return int(bool(worse))

"""The libraries side by side."""

from __future__ import annotations

import dataclasses
import datetime
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

import tyro
from rich.console import Console

from hyp_bench.fair import restart
from hyp_bench.tasks._options import require

if TYPE_CHECKING:
    from hyp_bench import hostile
    from hyp_bench.compare import Measured, Row, Settings


@dataclasses.dataclass(frozen=True)
class Compare:
    """Measure speed, memory and robustness of the hyp packages beside every peer that is installed, in one run.

    The same inputs and weights in float32, one thread and one allocator for all, in turn, results compared with exact
    ones first. WHAT is speed, memory, nan (hostile inputs) or all. Peers that are not installed are named with the
    command that installs them. Restarts itself once, to set the allocator and the threads.
    """

    float64: ClassVar[bool] = False

    what: tyro.conf.Positional[Literal["speed", "memory", "nan", "all"]] = "all"
    """What to measure."""
    against: str = "hyperbolix,geoopt,hypll,gensim"
    """Peers, separated by commas; empty for none."""
    quick: bool = False
    """Small sizes and few rounds: a few minutes."""
    families: str = "points,pairwise,layers,optimizers,scaling,compile,training"
    """Families of jobs, separated by commas."""
    only: str = ""
    """Only jobs whose names hold this text, such as 'ball dist'."""
    clock: Literal["wall", "cpu"] = "wall"
    """cpu counts the process's own time: for a machine that is busy with other things."""
    check: bool = False
    """Exit with 1 where a promise that could be tried is missed, or our result is wrong."""
    json: Path | None = None
    """Also write everything to this file."""
    plot: Path = Path("out/compare.png")
    """The picture."""
    page: Path | None = None
    """Measure nothing: write a page from the files given with --of."""
    of: tuple[Path, ...] = ()
    """Files written with --json."""
    cost: Path | None = None
    """A file of benchmarks/cost.py --json, for the page."""

    def run(self, console: Console) -> int:
        """Runs the task and returns the exit code."""
        if self.page is not None:
            from hyp_bench.compare.page import write_page

            write_page(self.page, self.of, self.cost, self._command())
            console.print(f"wrote {self.page}")
            return 0
        require(not self.of and self.cost is None, "--of and --cost belong to --page.")
        families = _names(self.families)
        restart()  # before JAX is imported
        import jax

        from hyp_bench.compare import Settings, choose, skipped
        from hyp_bench.compare.cases import FAMILIES

        unknown = [name for name in families if name not in FAMILIES]
        require(not unknown, f"--families: unknown {', '.join(unknown)}; known are {', '.join(FAMILIES)}.")
        present, missing = choose(_names(self.against))
        for line in skipped(missing):
            console.print(line, soft_wrap=True)
        jax.config.update("jax_enable_x64", False)
        settings = Settings(
            tuple(present), self.quick, self.clock, self.what in ("speed", "all"), self.what in ("memory", "all"),
            0.5 if self.quick else 2.0, 20.0 if self.quick else 300.0, self.only,
        )  # fmt: skip
        measured = self._measure(console, settings, families)
        counts = self._hostile(console, present)
        if self.json is not None:
            self._save(self.json, measured, counts, missing)
            console.print(f"wrote {self.json}")
        return self._judge(console, measured.rows, counts)

    def _measure(self, console: Console, settings: Settings, families: tuple[str, ...]) -> Measured:
        """Speed and memory, with the table and the picture."""
        from hyp_bench.compare import OURS, Measured, run
        from hyp_bench.compare.report import plot, print_rows

        if self.what == "nan":
            return Measured([], None, {}, False)
        measured = run(settings, console, families)
        print_rows(console, measured)
        if any(row.ratio is not None and row.library != OURS for row in measured.rows):
            plot(self.plot, measured.rows, f"Time over ours, float32, {self.clock} clock")
            console.print(f"wrote {self.plot}")
        return measured

    def _hostile(self, console: Console, present: list[str]) -> list[hostile.Row]:
        """Counts of what hostile inputs break."""
        if self.what not in ("nan", "all"):
            return []
        from hyp_bench.hostile import measure, table

        rows = measure(["hyp-manifolds", *(name for name in present if name != "gensim")], quick=self.quick)
        console.print(table(rows))
        return rows

    def _save(self, path: Path, measured: Measured, counts: list[hostile.Row], missing: list[str]) -> None:
        from hyp_bench.compare import Results, save
        from hyp_bench.compare.results import all_versions, device_name

        today = datetime.datetime.now(datetime.UTC).date().isoformat()
        results = Results(
            self._command(), today, device_name(), all_versions(), self.clock, tuple(missing), measured.ceilings,
            tuple(measured.rows), measured.growth, tuple(row._asdict() for row in counts), measured.interrupted,
        )  # fmt: skip
        save(path, results)

    def _judge(self, console: Console, rows: list[Row], counts: list[hostile.Row]) -> int:
        """Prints the promises; 1 where --check asks for it and one is missed."""
        from hyp_bench.compare import GOALS, OURS, judge
        from hyp_bench.hostile import broken

        outcomes = judge(rows)
        for outcome in outcomes:
            verdict = "kept" if outcome.kept else "MISSED"
            console.print(f"{verdict}: {outcome.text}: {outcome.figure}", soft_wrap=True)
        if self.what != "nan":
            kept = sum(outcome.kept for outcome in outcomes)
            console.print(
                f"{kept} of {len(outcomes)} promises kept; {len(GOALS) + 1} in all, at full size with all peers"
            )
        wrong = [row for row in rows if row.wrong and row.library.partition(",")[0] == OURS]
        for row in wrong:
            console.print(f"WRONG: ours, {row.operation} {row.size} {row.mode}: {row.errors}", soft_wrap=True)
        bad = broken(counts)
        for one in bad:
            console.print(f"MISSED: {one.model}.{one.operation}, {one.kind} inputs: {one.wrong} of {one.inputs}")
        return int(self.check and bool(wrong or bad or not all(outcome.kept for outcome in outcomes)))

    def _command(self) -> str:
        """What repeats this run, but for where its files go, which is nobody else's business."""
        given, kept = iter(sys.argv[1:]), ["hyp-bench"]
        for argument in given:
            name = argument.partition("=")[0]
            if self.page is None and name in ("--json", "--plot"):
                if "=" not in argument:
                    next(given, None)
            else:
                kept.append(argument)
        return shlex.join(kept)


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())

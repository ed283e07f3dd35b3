"""Both checkouts in turn, round by round, and what became slower."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import hyp_bench
from hyp_bench.compare.timing import Spread
from hyp_bench.errors import InputError

from .checkouts import Checkouts, sources

WORSE = 1.15
_LEAST_SECONDS, _MOST_REPEATS, _ROUNDS = 5e-3, 100, 15


class Change(NamedTuple):
    """One job in both checkouts.

    Attributes:
        name: the job's.
        base: seconds (median) of the base.
        head: seconds of the working tree.
        ratio: head over base within a round; None where one of them lacks it.
        note: why it is lacking.
    """

    name: str
    base: float
    head: float
    ratio: Spread | None
    note: str = ""

    @property
    def worse(self) -> bool:
        """Slower by more than 15 % beyond the spread: even the 10th percentile of the ratios is."""
        return self.ratio is not None and self.ratio.low > WORSE


class _Worker:
    """A long-lived process with one checkout on its path."""

    def __init__(self, checkout: Path, module: str, extra: tuple[Path, ...]) -> None:
        own = Path(hyp_bench.__file__).parents[1]
        # Last, because an installed hyp_bench has installed packages beside it, which would hide the checkout's.
        path = [*sources(checkout), *extra, own]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, path))}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "hyp_bench.regress.worker", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
            cwd=checkout,
        )

    def ask(self, **order: Any) -> dict[str, Any]:
        """Sends one order and waits for its answer."""
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass
        line = self._process.stdout.readline()
        if not line:
            raise InputError(f"regress: a measuring process ended with code {self._process.wait()}.")
        return json.loads(line)

    def __enter__(self) -> _Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()


def changes(
    pair: Checkouts,
    only: str = "",
    clock: str = "wall",
    rounds: int = _ROUNDS,
    module: str = "hyp_bench.regress.jobs",
    extra: tuple[Path, ...] = (),
) -> Iterator[Change]:
    """Measures every job of both checkouts, in turn.

    Args:
        pair: the checkouts.
        only: jobs whose names hold this text.
        clock: "wall" or "cpu".
        rounds: of each job; three times as many where it looks slower.
        module: has the jobs.
        extra: folders for the path of both, where `module` is found.

    Raises:
        InputError: no job has that name, or a process ended.
    """
    with ExitStack() as stack:
        base, head = (stack.enter_context(_Worker(path, module, extra)) for path in (pair.base, pair.head))
        names = [name for name in head.ask(list=True)["jobs"] if only in name]
        base.ask(list=True)
        if not names:
            raise InputError(f"regress: no job's name holds {only!r}.")
        for name in names:
            lacks = [
                f"{which} lacks it: {answer['lacks']}"
                for which, answer in (("base", base.ask(make=name)), ("head", head.ask(make=name)))
                if "lacks" in answer
            ]
            yield Change(name, 0.0, 0.0, None, "; ".join(lacks)) if lacks else _change(name, base, head, clock, rounds)


def _change(name: str, base: _Worker, head: _Worker, clock: str, rounds: int) -> Change:
    def seconds(worker: _Worker, repeats: int) -> float:
        return float(worker.ask(time=repeats, clock=clock)["seconds"])

    once = max(min(seconds(worker, 1) for _ in range(2)) for worker in (base, head))
    repeats = max(1, min(_MOST_REPEATS, int(_LEAST_SECONDS / max(once, 1e-9))))
    found = _play(lambda worker: seconds(worker, repeats), base, head, name, rounds)
    return _play(lambda worker: seconds(worker, repeats), base, head, name, 3 * rounds) if found.worse else found


def _play(time: Callable[[_Worker], float], base: _Worker, head: _Worker, name: str, rounds: int) -> Change:
    old, new = [], []
    for r in range(rounds):
        # Who goes first would always find the caches as the other left them: they take turns in that, too.
        for worker, taken in ((base, old), (head, new)) if r % 2 else ((head, new), (base, old)):
            taken.append(time(worker))
    ratio = Spread.of([b / a for a, b in zip(old, new, strict=True)])
    return Change(name, Spread.of(old).median, Spread.of(new).median, ratio)

"""A process that measures one checkout, one order a line: `python -m hyp_bench.regress.worker MODULE`.

Orders are JSON lines: {"list": true}, {"make": name}, {"time": repeats, "clock": name}, and so are the answers. The
checkout is what PYTHONPATH says; MODULE has `jobs()`, a mapping of names to functions that return what is to be timed.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from collections.abc import Callable
from typing import Any

from hyp_bench.compare.case import CLOCKS
from hyp_bench.fair import restart


def main() -> None:
    """Answers until the orders end."""
    restart()  # both processes on one core, too: they take turns, and no core is faster than itself
    # What libraries print must not look like an answer.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    jobs: dict[str, Callable[[], Callable[[], Any]]] = importlib.import_module(sys.argv[1]).jobs()
    job: Callable[[], Any] | None = None
    for line in sys.stdin:
        order = json.loads(line)
        if "list" in order:
            answer: dict[str, Any] = {"jobs": list(jobs)}
        elif "make" in order:
            job, answer = _make(jobs, order["make"])
        else:
            assert job is not None
            answer = {"seconds": _time(job, order["time"], CLOCKS[order["clock"]])}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def _make(jobs: dict[str, Callable[[], Any]], name: str) -> tuple[Callable[[], Any] | None, dict[str, Any]]:
    """The job, run once; what an older revision lacks is an answer, not the end."""
    try:
        job = jobs[name]()
        job()
    except Exception as error:
        return None, {"lacks": f"{type(error).__name__}: {error}"[:200]}
    return job, {}


def _time(job: Callable[[], Any], repeats: int, clock: Callable[[], float]) -> float:
    result = None
    start = clock()
    for _ in range(repeats):
        result = job()
    stop = clock()
    del result
    return (stop - start) / repeats


if __name__ == "__main__":
    main()

"""Memory: XLA's count of temporaries, and what a process of its own needs at its peak."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from .case import Case

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def peak(case: Case, library: str, against: tuple[str, ...], quick: bool) -> float | None:
    """Bytes that one run adds to the resident set of a fresh process whose arguments and programs are ready.

    Results count as well. None where the operating system does not say (it does on Linux), or the process failed.
    """
    if not _CLEAR.exists():
        return None
    command = [sys.executable, "-m", "hyp_bench.compare.memory", case.key, library, ",".join(against), str(int(quick))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return float(done.stdout.split()[-1]) if done.returncode == 0 else None


def child(key: str, library: str, against: str, quick: str) -> float:
    """Runs one contender once and returns the bytes it added."""
    from .cases import timed_cases

    cases = {case.key: case for case in timed_cases(tuple(against.split(",")) if against else (), bool(int(quick)))}
    ready = cases[key].contenders[library]()
    if ready.temporary is not None:
        ready.temporary()  # compiles: LLVM's memory is not the job's
    before = _resident("VmRSS")
    _CLEAR.write_text("5")  # the peak starts anew
    ready.run()
    return max(0.0, _resident("VmHWM") - before)


def _resident(what: str) -> float:
    lines = _STATUS.read_text().splitlines()
    return next(1024 * float(line.split()[1]) for line in lines if line.startswith(what))


if __name__ == "__main__":
    sys.stdout.write(f"{child(*sys.argv[1:])}\n")

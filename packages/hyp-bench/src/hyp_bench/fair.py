"""Timings that compare libraries, not allocators: the same process settings for every contender."""

from __future__ import annotations

import os
import sys

# By default glibc gives big buffers back to the system, and every result is page-faulted anew, which times the kernel:
# the memory is kept. One thread and one core for all: the libraries' thread pools differ.
SETTINGS = {
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": "8589934592",
    "MALLOC_TRIM_THRESHOLD_": "17179869184",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
}
_ONE_THREAD = "--xla_cpu_multi_thread_eigen=false"


def restart() -> None:
    """Starts the program again with `SETTINGS` in its environment, and on one core, unless it has them.

    glibc and XLA read them at start-up only: call it first, before JAX is imported. The platform is the CPU unless
    `JAX_PLATFORMS` says otherwise; `XLA_FLAGS` are kept, and one thread is added.
    """
    wanted = SETTINGS | {"JAX_PLATFORMS": os.environ.get("JAX_PLATFORMS") or "cpu"}
    flags = os.environ.get("XLA_FLAGS", "")
    wanted["XLA_FLAGS"] = flags if _ONE_THREAD in flags else f"{flags} {_ONE_THREAD}".strip()
    if any(os.environ.get(name) != value for name, value in wanted.items()):
        sys.stdout.flush()
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], os.environ | wanted)

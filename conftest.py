import functools
import gc
import importlib.metadata
import itertools
import os
import pathlib
import re
from typing import Any

import hypothesis
import jax
import pytest
from jax._src import checkify
from jax._src.interpreters import mlir
from xdist.scheduler import LoadScopeScheduling

# Tracing makes many objects that live: looking through them again and again for cycles is a tenth of the suite's time.
gc.set_threshold(200_000, 50, 50)
MOST_MAPS = 20_000

# HYPOTHESIS_PROFILE=nightly searches long; ci (which `.ci/run` sets) draws the same examples in every run.
hypothesis.settings.register_profile("dev", max_examples=50, deadline=None)
hypothesis.settings.register_profile("ci", max_examples=100, deadline=None, derandomize=True, database=None)
hypothesis.settings.register_profile("nightly", max_examples=5000, deadline=None, print_blob=True)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))

# Most of a test's time is compilation. On the CPU, tests run on code that compiles five times faster; the contract asks
# for the compiler's usual effort itself. An XLA_FLAGS of your own, even an empty one, replaces this: what users run is
# tested by `XLA_FLAGS= pytest`. Child processes compile as users do where their test does not say otherwise.
QUICK_FLAGS = "--xla_backend_optimization_level=0 --xla_cpu_parallel_codegen_split_count=1"
if jax.__version_info__ < (0, 11):  # a newer one aborts at this flag, which it does not know
    QUICK_FLAGS += " --xla_cpu_use_fusion_emitters=false"
if "XLA_FLAGS" not in os.environ and not importlib.metadata.entry_points(group="jax_plugins"):
    os.environ["XLA_FLAGS"] = QUICK_FLAGS
    jax.devices()
    jax.jit(abs)(0.0)  # the flags are read at the first compilation
    del os.environ["XLA_FLAGS"]

# The worker processes compile the same functions: they share what they have.
if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
    jax.config.update("jax_compilation_cache_dir", str(pathlib.Path(__file__).parent / ".pytest_cache" / "jax"))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)

# A context for every function that is lowered, each with all dialects loaded anew, takes longer than most functions do.
shared_context = mlir.make_ir_context = functools.cache(mlir.make_ir_context)


@pytest.fixture(scope="session")
def quick_flags() -> str:
    """XLA_FLAGS for child processes in which compiling takes longer than running; those of the caller where given."""
    return os.environ.get("XLA_FLAGS", QUICK_FLAGS)


def group(nodeid: str) -> str:
    """Tests that share what they compile: the laws and the contract of one model, else those of one file."""
    path, _, name = nodeid.partition("::")
    model = re.search(r"\[(?:[cgt]pu-)?([a-z_]+)", name)
    return model[1] if model and path.endswith(("hyp-manifolds/tests/test_laws.py", "test_contract.py")) else path


class _Groups(LoadScopeScheduling):
    """Gives a whole group to one worker (`--dist=loadgroup` does not from pytest 9.2 on)."""

    def _split_scope(self, nodeid: str) -> str:
        return group(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    return _Groups(config, log)


def memory_maps() -> int:
    """How many memory maps this process has, or the most it may have where the system does not tell."""
    maps = pathlib.Path("/proc/self/maps")
    return maps.read_bytes().count(b"\n") if maps.exists() else MOST_MAPS


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Tidies up after the last test of a group.

    Every compiled function holds some twenty memory maps, and a process may have 65,530: past that it crashes. Long
    before, what is compiled is freed; until then other groups use it, and the collector need not look through it again.
    checkify numbers its checks, and the numbers are part of a program: each group starts at 1, so that whatever ran
    before, its programs are found in the compilation cache.
    """
    if nextitem is not None and group(nextitem.nodeid) == group(item.nodeid):
        return
    if memory_maps() >= MOST_MAPS:
        gc.unfreeze()
        jax.clear_caches()
        shared_context.cache_clear()
    gc.collect()
    gc.freeze()
    checkify.next_code = itertools.count(1).__next__


def pytest_report_header() -> str:
    precision = "float64" if jax.config.jax_enable_x64 else "float32"
    return f"jax {jax.__version__}, {precision} by default, backend {jax.default_backend()}"

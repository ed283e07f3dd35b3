"""What is measured of both checkouts: our side of every comparison, at small sizes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hyp_bench.compare.case import Case
from hyp_bench.compare.cases import timed_cases
from hyp_bench.compare.libraries import OURS

_FAMILIES = ("points", "pairwise", "layers", "optimizers")


def jobs() -> dict[str, Callable[[], Callable[[], Any]]]:
    """Names to functions that return what is to be timed."""
    return {case.key: _maker(case) for case in timed_cases((), True, _FAMILIES)}


def _maker(case: Case) -> Callable[[], Callable[[], Any]]:
    return lambda: case.contenders[OURS]().run

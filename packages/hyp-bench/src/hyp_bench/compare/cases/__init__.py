"""The jobs, one file a family."""

from collections.abc import Sequence

from hyp_bench.compare.case import Case

from . import convolutions, layers, optimizers, pairwise, points, scaling

FAMILIES = ("points", "pairwise", "layers", "optimizers", "scaling", "compile", "training")
_TIMED = {
    "points": (points,),
    "pairwise": (pairwise,),
    "layers": (layers, convolutions),
    "optimizers": (optimizers,),
    "scaling": (scaling,),
}


def timed_cases(against: Sequence[str], quick: bool, families: Sequence[str] = FAMILIES) -> list[Case]:
    """The cases that are run in turn; `compile` and `training` have ways of their own to be measured."""
    return [case for name in families for module in _TIMED.get(name, ()) for case in module.cases(against, quick)]


__all__ = ["FAMILIES", "timed_cases"]

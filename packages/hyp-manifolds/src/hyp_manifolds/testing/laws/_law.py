"""What a law is, and the registry of all of them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hyp_manifolds import Manifold

from .._calls import Batched
from ..samples import Sample

Statement = Callable[[Batched, Sample], Iterator[Any]]


@dataclass(frozen=True)
class Deviation:
    """Relative error of each row of one equation of a law."""

    errors: NDArray[np.float64]
    label: str = ""


@dataclass(frozen=True)
class Law:
    """One law.

    Attributes:
        name: name of the function that states it.
        statement: its docstring, one sentence.
        state: yields a `Deviation` for each equation, or a sentence for anything else that is wrong.
        eps: largest deviation in units of the dtype's eps; 0 demands equality.
        needs: methods without which the law does not apply.
        slow: it compiles much; run it after the others.
    """

    name: str
    statement: str
    state: Statement
    eps: float
    needs: Sequence[str] = ()
    slow: bool = False

    def applies(self, manifold: Manifold) -> bool:
        """Whether the manifold has everything the law speaks about."""
        return all(hasattr(manifold, name) for name in self.needs)

    def violations(self, manifold: Manifold, sample: Sample) -> list[str]:
        """Sentences that say where the law does not hold for these inputs, with figures."""
        found: list[str] = []
        for item in self.state(Batched(manifold), sample):
            if isinstance(item, str):
                found.append(item)
                continue
            limit = self.eps * sample.eps
            if (item.errors <= limit).all():
                continue
            row = int(np.argmax(np.where(np.isnan(item.errors), np.inf, item.errors)))
            figure = item.errors[row] / sample.eps
            bad = int(np.sum(~(item.errors <= limit)))
            inputs = ", ".join(f"{k}={np.array2string(np.asarray(getattr(sample, k)[row], float))}" for k in "cxyv")
            found.append(
                f"{item.label or 'deviation'}: {figure:.4g} eps > {self.eps:g} eps, "
                f"{bad} of {len(item.errors)} rows; worst row {row}: {inputs}"
            )
        return found


LAWS: dict[str, Law] = {}


def law(eps: float = 64, needs: Sequence[str] = (), slow: bool = False) -> Callable[..., Statement]:
    """Registers a statement as a law; its docstring is the law in words."""

    def register(state: Statement) -> Statement:
        name = state.__name__
        words = " ".join((state.__doc__ or "").split())
        LAWS[name] = Law(name, words, state, eps, tuple(needs), slow)
        return state

    return register


def _rows(a: Any) -> NDArray[np.float64]:
    array = np.asarray(a).astype(np.float64)
    return array.reshape(len(array), -1)


def relative(got: Any, want: Any, scale: Any = None, label: str = "") -> Deviation:
    """Norm-wise relative difference of each row; `scale` replaces |want| where that can vanish."""
    g, w = _rows(got), _rows(want)
    size = np.linalg.norm(w, axis=1) if scale is None else np.linalg.norm(_rows(scale), axis=1)
    with np.errstate(all="ignore"):
        errors = np.linalg.norm(g - w, axis=1) / np.where(size > 0, size, 1.0)
    return Deviation(errors, label)

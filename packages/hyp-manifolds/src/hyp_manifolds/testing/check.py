"""check_manifold: every law, and the accuracy contract where there is an oracle, for one manifold."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from hyp_manifolds import Manifold, Product

from .contract import CONTRACT
from .gradients import judge_gradients
from .judge import judge
from .laws import LAWS
from .oracle import Oracle, oracle_for
from .regimes import make_batch, plan_for
from .samples import default_dtype, make_sample


def _dims(manifold: Manifold, dims: Sequence[int] | None) -> Sequence[int]:
    if dims is not None:
        return dims
    return (manifold.dim,) if isinstance(manifold, Product) else (2, 5)


def law_violations(
    manifold: Manifold,
    name: str,
    *,
    dtype: Any = None,
    dims: Sequence[int] | None = None,
    curvatures: Sequence[Any] | None = None,
    seed: int = 0,
    radius: float = 2.0,
) -> list[str]:
    """Where one law of `LAWS` does not hold, in sentences; empty where it holds or does not apply.

    Args: name: a key of `LAWS`; the others as for `check_manifold`.
    """
    statement, found = LAWS[name], []
    if not statement.applies(manifold):
        return []
    for dim in _dims(manifold, dims):
        sample = make_sample(manifold, dim, curvatures, dtype=dtype, seed=seed, radius=radius)
        for text in statement.violations(manifold, sample):
            found.append(f"law {name} ({statement.statement}) dim {dim}, {sample.x.dtype}: {text}")
    return found


def contract_violations(
    manifold: Manifold,
    operation: str,
    *,
    oracle: Oracle | None = None,
    dtype: Any = None,
    dims: Sequence[int] = (2, 5),
    curvatures: Sequence[float] = (1e-3, 1.0, 10.0),
    seed: int = 0,
) -> list[str]:
    """Where one operation breaks the accuracy contract, in sentences."""
    exact = oracle or oracle_for(manifold)
    if exact is None:
        raise ValueError(f"contract_violations: there is no oracle for {manifold!r}; pass one as `oracle`")
    kind, found = np.dtype(dtype or default_dtype(manifold)).name, []
    low_precision = kind not in ("float32", "float64")
    for dim in dims:
        values = (1.0,) if low_precision else tuple(curvatures)
        batch = make_batch(exact.model, kind, dim, values, seed, plan_for(kind), exact)
        failures = judge(manifold, exact, operation, batch)
        if operation != "grad_dist" and not low_precision:
            failures += judge_gradients(manifold, exact, operation, batch, every=5)
        found += [f"contract of {type(manifold).__name__}.{failure} (dim {dim}, {kind})" for failure in failures]
    return found


def _violations(
    manifold: Manifold, dtype: Any, dims: Sequence[int] | None, curvatures: Sequence[Any] | None, seed: int,
    radius: float, names: Sequence[str], oracle: Oracle | None,
) -> Iterator[str]:  # fmt: skip
    for name in names:
        yield from law_violations(
            manifold, name, dtype=dtype, dims=dims, curvatures=curvatures, seed=seed, radius=radius
        )
    for operation in CONTRACT[oracle.model] if oracle is not None else ():
        sizes = _dims(manifold, dims)
        yield from contract_violations(manifold, operation, oracle=oracle, dtype=dtype, dims=sizes, seed=seed)


def check_manifold(
    manifold: Manifold,
    *,
    dtype: Any = None,
    dims: Sequence[int] | None = None,
    curvatures: Sequence[Any] | None = None,
    laws: Sequence[str] | None = None,
    contract: bool = True,
    seed: int = 0,
    radius: float = 2.0,
    most: int = 1,
) -> None:
    """Checks a manifold against every law and, if it is one of our models or derived from one, the contract.

    Args:
        manifold: instance of a subclass of `hyp_manifolds.Manifold`.
        dtype: dtype of the inputs: the manifold's own, or JAX's default float.
        dims: dimensions to try, 2 and 5 if not given. A product is tried in its own, which its factors fix; another one
            is an error.
        curvatures: values of c for the laws; by default around 1, of both signs where the manifold takes them. In a
            product every factor takes them in an order of its own; see `make_sample`.
        laws: names from `LAWS`; all of them if not given.
        contract: also judge the accuracy of every operation that the model's oracle knows.
        seed: of the inputs.
        radius: largest radius for the laws, in units of 1/sqrt|c|; smaller on spheres.
        most: stop after this many violations.

    Raises:
        AssertionError: names each broken law or promise, with the inputs and the figures.
        KeyError: an unknown name in `laws`.
        ValueError: `dims` names another dimension than a product's own.
    """
    names = sorted(LAWS if laws is None else laws, key=lambda name: LAWS[name].slow)
    oracle = oracle_for(manifold) if contract else None
    found: list[str] = []
    for text in _violations(manifold, dtype, dims, curvatures, seed, radius, names, oracle):
        found.append(text)
        if len(found) >= most:
            break
    if found:
        raise AssertionError(f"{manifold!r} breaks its laws:\n  " + "\n  ".join(found))

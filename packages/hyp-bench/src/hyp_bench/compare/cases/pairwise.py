"""Distances of all pairs: a function of its own, nested vmap, and what peers offer."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from hyp_bench.compare.case import FORWARD, GRADIENT, Case, Ready, Work, of_jax
from hyp_bench.compare.libraries import OURS, peer

from .points import NEAR, TITLES, relative_error

_PAIRS, _EPS = 16, 2.0**-23
# A broadcast of all differences of 2,000 points of dimension 128 takes 2 GB a time.
_MOST_BROADCAST = 500
_NESTED = f"{OURS}, nested vmap"


@functools.lru_cache(maxsize=4)
def points(model: str, n: int, dim: int, near: float) -> np.ndarray:
    """Float32 points at radius 0.5 to 4, `near` n of them at a time within rounding of each other."""
    rng = np.random.default_rng(0)
    direction = rng.standard_normal((n, dim))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    radius = rng.uniform(0.5, 4, (n, 1))
    x = (np.tanh(radius / 2) if model == "poincare" else np.sinh(radius)) * direction
    size = max(2, round(near * n))
    if near:
        for start in range(0, n - size + 1, size):
            x[start : start + size] = x[start] * (1 + 1e-7 * rng.standard_normal((size, 1)))
    x = x.astype(np.float32)
    if model == "poincare":
        return x
    time = np.sqrt(1 + np.sum(x.astype(np.float64) ** 2, 1, keepdims=True))
    return np.concatenate([time.astype(np.float32), x], 1)


def judge(model: str, n: int, dim: int, near: float, result: np.ndarray) -> dict[str, float]:
    """Worst error of a few pairs of neighbours in the table, in units of 2^-23."""
    import mpmath
    from hyp_manifolds.testing import oracle

    x, errors = points(model, n, dim, near), []
    exact = oracle.ORACLES[model].operations["dist"].function
    for i in range(min(_PAIRS, n - 1)):
        with mpmath.workdps(50):
            wanted = float(exact(oracle.vector(x[i, -dim:]), oracle.vector(x[i + 1, -dim:]), mpmath.mpf(1)))
        errors.append(relative_error(result[i, i + 1 : i + 2], np.array([wanted])) / _EPS)
    return {NEAR: max(errors)}


def case(
    model: str,
    n: int,
    dim: int,
    mode: str,
    against: Sequence[str],
    near: float = 0.0,
    series: str = "",
    at: float = 0.0,
) -> Case:
    """All pairs of n points."""
    functions = _functions(model)
    if n > _MOST_BROADCAST:
        del functions[_NESTED]
    if near or series:
        functions = {OURS: functions[OURS]}
    if "hyperbolix" in against and not near:
        functions["hyperbolix"] = _hyperbolix(model)
    contenders: dict[str, Callable[[], Ready]] = {
        name: functools.partial(_ready, function, model, n, dim, mode, near) for name, function in functions.items()
    }
    if "geoopt" in against and n <= _MOST_BROADCAST and not near:
        contenders["geoopt"] = functools.partial(_geoopt, model, n, dim, mode)
    size = f"{n:,} x {n:,} x {dim}" + (f", {near:.0%} near" if near else "")
    traffic = 4.0 * n * (n + 2 * dim) if mode == FORWARD else 4.0 * n * 4 * dim
    work = Work(traffic, n * n * dim * (2.0 if mode == FORWARD else 6.0))
    verdict = functools.partial(judge, model, n, dim, near) if mode == FORWARD else None
    return Case("pairwise", f"{TITLES[model]} all pairs", size, mode, contenders, work, verdict, series=series, at=at)


def cases(against: Sequence[str], quick: bool) -> list[Case]:
    """Two dimensions, and shares of pairs too near for a matrix product, which are computed again by differences."""
    n = 500 if quick else 2000
    found = [
        case(model, n, dim, mode, against) for model in TITLES for dim in (10, 128) for mode in (FORWARD, GRADIENT)
    ]
    nears = () if quick else (0.01, 0.05)
    return found + [
        case(m, n, 128, mode, against, near) for m in TITLES for near in nears for mode in (FORWARD, GRADIENT)
    ]


def _functions(model: str) -> dict[str, Callable[[Any], Any]]:
    import jax
    from hyp_manifolds import MODELS, pairwise_dist

    manifold = MODELS[model]
    rows = jax.vmap(manifold.dist, (None, 0, None))
    return {
        OURS: lambda x: pairwise_dist(manifold, x, x, 1.0),
        f"{OURS}, mode fast": lambda x: pairwise_dist(manifold, x, x, 1.0, mode="fast"),
        _NESTED: lambda x: jax.vmap(rows, (0, None, None))(x, x, 1.0),
    }


def _hyperbolix(model: str) -> Callable[[Any], Any]:
    manifolds = peer("hyperbolix.manifolds")
    pairs = peer("hyperbolix.utils.helpers").compute_pairwise_distances

    manifold = {"poincare": manifolds.Poincare, "hyperboloid": manifolds.Hyperboloid}[model]()
    return lambda x: pairs(x, manifold, 1.0)


def _ready(function: Callable[[Any], Any], model: str, n: int, dim: int, mode: str, near: float) -> Ready:
    import jax
    import jax.numpy as jnp

    x = points(model, n, dim, near)
    if mode == FORWARD:
        return of_jax(function, (x,), lambda result: result)
    return of_jax(jax.value_and_grad(lambda x: jnp.sum(function(x))), (x,))


def _geoopt(model: str, n: int, dim: int, mode: str) -> Ready:
    torch = peer("torch")

    from hyp_bench.accuracy.libraries import LIBRARIES

    torch.set_num_threads(1)
    dist: Any = LIBRARIES["geoopt"]()
    function = dist.function(model, "dist")
    x, c = torch.tensor(points(model, n, dim, 0.0), requires_grad=mode == GRADIENT), torch.tensor(1.0)

    def forward() -> Any:
        with torch.no_grad():
            return function(x[:, None], x[None], c)

    def gradient() -> Any:
        x.grad = None
        value = function(x[:, None], x[None], c).sum()
        value.backward()
        return value

    return Ready(gradient if mode == GRADIENT else forward, lambda: forward().numpy().reshape(n, n))

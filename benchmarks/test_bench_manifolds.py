"""Small batches, with and without jit: `uv run pytest benchmarks/ --benchmark-only -v`.

At these sizes the time is dispatch and tracing, which users meet first; `cost.py` measures the arithmetic.
"""

from collections.abc import Callable

import chex
import jax
import jax.numpy as jnp
import pytest
from hyp_manifolds import Hyperboloid, Poincare

POINCARE, HYPERBOLOID = Poincare(), Hyperboloid()
VERSIONS = {
    "mobius_direct": Poincare.VERSION_MOBIUS_DIRECT,
    "mobius": Poincare.VERSION_MOBIUS,
    "metric_tensor": Poincare.VERSION_METRIC_TENSOR,
    "lorentzian_proxy": Poincare.VERSION_LORENTZIAN_PROXY,
}
pytestmark = [
    pytest.mark.benchmark(max_time=0.2, min_rounds=5, warmup=False),
    pytest.mark.parametrize("batch", [100, 1000]),
    pytest.mark.parametrize("dim", [2, 10, 50, 128]),
]
modes = pytest.mark.parametrize("jit", [False, True], ids=["eager", "jit"])


def _points(manifold: Poincare | Hyperboloid, batch: int, dim: int, count: int) -> list[jax.Array]:
    draw = jax.vmap(lambda key: manifold.random_point(key, dim, 1.0, dtype=jnp.float32))
    return [draw(jax.random.split(key, batch)) for key in jax.random.split(jax.random.key(0), count)]


def _time(benchmark: Callable, function: Callable, *args: jax.Array, jit: bool) -> None:
    batched = jax.vmap(function, in_axes=(0,) * len(args) + (None,))
    run, c = jax.jit(batched) if jit else batched, jnp.float32(1.0)
    chex.assert_tree_is_on_device((args, c), device=jax.devices()[0])
    jax.block_until_ready(run(*args, c))  # compiles
    out = benchmark(lambda: jax.block_until_ready(run(*args, c)))
    chex.assert_tree_all_finite(out)


@modes
def test_poincare_dist(benchmark: Callable, dim: int, batch: int, jit: bool) -> None:
    _time(benchmark, POINCARE.dist, *_points(POINCARE, batch, dim, 2), jit=jit)


@modes
def test_poincare_expmap(benchmark: Callable, dim: int, batch: int, jit: bool) -> None:
    # In the ball any vector of coordinates is a tangent vector.
    _time(benchmark, POINCARE.expmap, *_points(POINCARE, batch, dim, 2), jit=jit)


def test_poincare_logmap(benchmark: Callable, dim: int, batch: int) -> None:
    _time(benchmark, POINCARE.logmap, *_points(POINCARE, batch, dim, 2), jit=True)


@pytest.mark.parametrize("version", VERSIONS)
def test_poincare_dist_version(benchmark: Callable, dim: int, batch: int, version: str) -> None:
    def dist(x: jax.Array, y: jax.Array, c: jax.Array) -> jax.Array:
        return POINCARE.dist(x, y, c, version_idx=VERSIONS[version])

    _time(benchmark, dist, *_points(POINCARE, batch, dim, 2), jit=True)


@modes
def test_hyperboloid_dist(benchmark: Callable, dim: int, batch: int, jit: bool) -> None:
    _time(benchmark, HYPERBOLOID.dist, *_points(HYPERBOLOID, batch, dim, 2), jit=jit)

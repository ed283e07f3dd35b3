"""How batch size, jit and the order of vmap and jit matter: `uv run pytest benchmarks/ --benchmark-only -v`.

The cases of the seed library's batching guide, and one order of magnitude more on either side.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import pytest
from hyp_manifolds import Poincare

BALL = Poincare()
pytestmark = pytest.mark.benchmark(max_time=0.05, min_rounds=5, warmup=False)
modes = pytest.mark.parametrize("jit", [False, True], ids=["eager", "jit"])


def points(batch: int, dim: int, count: int) -> list[jax.Array]:
    draw = jax.jit(jax.vmap(lambda key: BALL.random_point(key, dim, 1.0, dtype=jnp.float32)))
    return [draw(jax.random.split(key, batch)) for key in jax.random.split(jax.random.key(0), count)]


def run(benchmark: Callable, call: Callable[..., Any], *args: Any) -> None:
    jax.block_until_ready(call(*args))  # compiles
    benchmark(lambda: jax.block_until_ready(call(*args)))


@modes
@pytest.mark.parametrize("batch", [10, 100, 1000, 10_000])
def test_dist(benchmark: Callable, batch: int, jit: bool) -> None:
    call = jax.vmap(BALL.dist, (0, 0, None))
    run(benchmark, jax.jit(call) if jit else call, *points(batch, 128, 2), jnp.float32(1.0))


@modes
@pytest.mark.parametrize("batch", [10, 100, 1000, 10_000])
def test_expmap(benchmark: Callable, batch: int, jit: bool) -> None:
    call = jax.vmap(BALL.expmap, (0, 0, None))
    run(benchmark, jax.jit(call) if jit else call, *points(batch, 256, 2), jnp.float32(1.0))


@pytest.mark.parametrize("batch", [1, 100])
def test_jit_inside_vmap(benchmark: Callable, batch: int) -> None:
    call = jax.vmap(jax.jit(BALL.dist), (0, 0, None))
    run(benchmark, call, *points(batch, 128, 2), jnp.float32(1.0))


@pytest.mark.parametrize("kind", ["float", "array"])
def test_one_point_without_jit(benchmark: Callable, kind: str) -> None:
    x, y = (p[0] for p in points(1, 128, 2))
    run(benchmark, BALL.dist, x, y, 1.0 if kind == "float" else jnp.float32(1.0))


@pytest.mark.parametrize("batch", [10, 100, 1000])
def test_pairs_by_nested_vmap(benchmark: Callable, batch: int) -> None:
    call = jax.jit(jax.vmap(jax.vmap(BALL.dist, (None, 0, None)), (0, None, None)))
    run(benchmark, call, *points(batch, 10, 2), jnp.float32(1.0))


@pytest.mark.parametrize("name", ["dist", "expmap", "logmap"])
def test_gradient(benchmark: Callable, name: str) -> None:
    function = getattr(BALL, name)
    call = jax.jit(jax.grad(lambda x, y: jnp.sum(jax.vmap(lambda a, b: function(a, b, 1.0))(x, y)), (0, 1)))
    run(benchmark, call, *points(1000, 128, 2))

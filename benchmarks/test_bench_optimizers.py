"""Optimizer steps on small tables, dense and sparse: `uv run pytest benchmarks/ --benchmark-only -v`."""

from collections.abc import Callable
from typing import Any

import chex
import jax
import jax.numpy as jnp
import optax
import pytest
from hyp_manifolds import Hyperboloid, Poincare
from hyp_optim import (
    riemannian_adagrad,
    riemannian_adam,
    riemannian_sgd,
    sparse_riemannian_adam,
    sparse_riemannian_sgd,
)

BALL, SHEET, DIM, TOUCHED = Poincare(), Hyperboloid(), 10, 100
pytestmark = pytest.mark.benchmark(max_time=0.05, min_rounds=5, warmup=False)
DENSE: dict[str, tuple[optax.GradientTransformation, Any]] = {
    "optax.adam": (optax.adam(1e-3), None),
    "sgd": (riemannian_sgd(1e-3, manifolds=BALL), BALL),
    "momentum": (riemannian_sgd(1e-3, 0.9, manifolds=BALL), BALL),
    "adam": (riemannian_adam(1e-3, manifolds=BALL), BALL),
    "adam hyperboloid": (riemannian_adam(1e-3, manifolds=SHEET), SHEET),
    "adagrad": (riemannian_adagrad(1e-3, manifolds=BALL), BALL),
}
SPARSE = {
    "sgd": sparse_riemannian_sgd(BALL, 1e-3),
    "adam": sparse_riemannian_adam(BALL, 1e-3),
}


def table(manifold: Any, rows: int) -> jax.Array:
    draw = jax.jit(jax.vmap(lambda key: (manifold or BALL).random_point(key, DIM, 1.0, dtype=jnp.float32)))
    return draw(jax.random.split(jax.random.key(0), rows))


def run(benchmark: Callable, step: Callable[..., Any], x: jax.Array, state: Any, *rest: jax.Array) -> None:
    """Steps that go on from where the last one ended."""
    held = [x, state]

    def once() -> None:
        held[:] = jax.block_until_ready(step(*held, *rest))

    once()  # compiles
    benchmark(once)
    chex.assert_tree_all_finite(held[0])


@pytest.mark.parametrize(("name", "rows"), [*((name, 10_000) for name in DENSE), ("optax.adam", 100), ("adam", 100)])
def test_dense_step(benchmark: Callable, name: str, rows: int) -> None:
    tx, manifold = DENSE[name]

    def step(x: jax.Array, state: Any, g: jax.Array) -> tuple[jax.Array, Any]:
        updates, state = tx.update(g, state, x)
        return optax.apply_updates(x, updates), state

    x = table(manifold, rows)
    g = 1e-2 * jax.random.normal(jax.random.key(1), x.shape)
    run(benchmark, jax.jit(step, donate_argnums=(0, 1)), x, tx.init(x), g)


def test_dense_step_without_jit(benchmark: Callable) -> None:
    tx, x = DENSE["adam"][0], table(BALL, 100)
    g = 1e-2 * jax.random.normal(jax.random.key(1), x.shape)

    def step(x: jax.Array, state: Any, g: jax.Array) -> tuple[jax.Array, Any]:
        updates, state = tx.update(g, state, x)
        return optax.apply_updates(x, updates), state

    run(benchmark, step, x, tx.init(x), g)


@pytest.mark.parametrize("rows", [10_000, 1_000_000])
@pytest.mark.parametrize("name", SPARSE)
def test_sparse_step(benchmark: Callable, name: str, rows: int) -> None:
    tx, x = SPARSE[name], jnp.full((rows, DIM), 1e-2)
    ids = jax.random.randint(jax.random.key(2), (TOUCHED,), 0, rows)
    g = 1e-2 * jax.random.normal(jax.random.key(1), (TOUCHED, DIM))
    program = jax.jit(lambda x, state, g, ids: tx.update(g, ids, state, x), donate_argnums=(0, 1))
    run(benchmark, program, x, tx.init(x), g, ids)

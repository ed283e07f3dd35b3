"""Flax modules as contenders: the same weights in every library, and a float64 reference."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from hyp_bench.compare.case import FORWARD, Ready, of_jax

_EPS = 2.0**-23


def filled(module: Any) -> Any:
    """The module with small random numbers where a parameter is 0 at first: a lost bias would not show otherwise."""
    import jax
    import jax.numpy as jnp
    from flax import nnx

    rng, (graph, state) = np.random.default_rng(1), nnx.split(module)

    def fill(a: Any) -> Any:
        floating = jnp.issubdtype(a.dtype, jnp.floating)
        return a if not floating or a.any() else jnp.asarray(0.05 * rng.standard_normal(a.shape), a.dtype)

    return nnx.merge(graph, jax.tree.map(fill, state))


def set_from(theirs: Any, kernel: Any, bias: Any) -> Any:
    """Their module with these numbers as its kernel and bias."""
    import jax.numpy as jnp

    theirs.kernel[...] = jnp.reshape(kernel, theirs.kernel.shape)
    theirs.bias[...] = jnp.reshape(bias, theirs.bias.shape)
    return theirs


def ready(build: Callable[[], Any], x: np.ndarray, mode: str) -> Ready:
    """The module on x at curvature 1: forward, or the sum of squares with its gradient by parameters and inputs."""
    import jax
    import jax.numpy as jnp
    from flax import nnx

    graph, state = nnx.split(module := build())
    flat = isinstance(module, nnx.Linear | nnx.Conv)
    leaves, tree = jax.tree.flatten(state)  # flattening a State takes longer than a layer

    def forward(leaves: Any, x: Any, c: Any) -> Any:
        module = nnx.merge(graph, jax.tree.unflatten(tree, leaves))
        return module(x) if flat else module(x, c)

    def loss(leaves: Any, x: Any, c: Any) -> Any:
        return jnp.sum(forward(leaves, x, c) ** 2)

    given = (leaves, x, np.float32(1))
    if mode == FORWARD:
        # The Euclidean layer is another function: there is nothing to judge.
        return of_jax(forward, given, None if flat else lambda result: result)
    return of_jax(jax.value_and_grad(loss, (0, 1), allow_int=True), given)


def judge(build: Callable[[], Any], x: np.ndarray, result: np.ndarray) -> dict[str, float]:
    """Worst relative error of a row in units of 2^-23, against our module in float64 with the same weights."""
    import jax
    import jax.numpy as jnp

    module = build()
    with jax.enable_x64(True):
        exact = np.asarray(module(jnp.asarray(x, jnp.float64), jnp.asarray(1.0, jnp.float64)))
    if np.size(result) != exact.size:
        return {"on the inputs": float("inf")}
    width = exact.shape[-1]
    exact, got = exact.reshape(-1, width), np.asarray(result, np.float64).reshape(-1, width)
    errors = np.linalg.norm(got - exact, axis=1) / np.linalg.norm(exact, axis=1)
    worst = float(errors.max() / _EPS)
    return {"on the inputs": worst if np.isfinite(worst) else float("inf")}

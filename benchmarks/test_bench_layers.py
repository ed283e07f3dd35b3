"""Layers on small batches, with and without jit: `uv run pytest benchmarks/ --benchmark-only -v`."""

import itertools
from collections.abc import Callable
from typing import Any

import chex
import jax
import jax.numpy as jnp
import pytest
from flax import nnx
from hyp_manifolds import Hyperboloid, Poincare
from hyp_nn import (
    FGGConv2D,
    FGGLinear,
    FGGLorentzMLR,
    HTCLinear,
    HypConv2DHyperboloid,
    HypConv2DPoincare,
    HypLinearHyperboloidFHCNN,
    HypLinearPoincare,
    HypLinearPoincarePP,
    HypRegressionHyperboloid,
    HypRegressionPoincare,
    HypRegressionPoincarePP,
)

BALL, SHEET, DIM, CLASSES = Poincare(), Hyperboloid(), 64, 10
pytestmark = pytest.mark.benchmark(max_time=0.05, min_rounds=5, warmup=False)
batches = pytest.mark.parametrize("batch", [100, 1000])


class Stack(nnx.Module):
    """Linear layers, one after the other."""

    def __init__(self, *dims: int) -> None:
        pairs = itertools.pairwise(dims)
        self.layers = nnx.List([HypLinearPoincare(BALL, i, o, rngs=nnx.Rngs(i)) for i, o in pairs])

    def __call__(self, x: jax.Array, c: Any) -> jax.Array:
        for layer in self.layers:
            x = layer(x, c)
        return x


def ball_points(batch: int) -> jax.Array:
    u = jax.random.normal(jax.random.key(0), (batch, DIM)) / DIM**0.5
    return jax.jit(jax.vmap(lambda v: BALL.expmap_0(0.5 * v, 1.0)))(u)


def sheet_points(batch: int) -> jax.Array:
    u = jax.random.normal(jax.random.key(0), (batch, DIM)) / DIM**0.5
    return jax.jit(jax.vmap(lambda v: SHEET.expmap_0(v, 1.0)))(SHEET.embed_spatial_0(u))


BUILD: dict[str, tuple[Callable[[], Any], Callable[[int], jax.Array]]] = {
    "HypLinearPoincare": (lambda: HypLinearPoincare(BALL, DIM, DIM, rngs=nnx.Rngs(0)), ball_points),
    "HypLinearPoincarePP": (lambda: HypLinearPoincarePP(BALL, DIM, DIM, rngs=nnx.Rngs(0)), ball_points),
    "FHCNN": (lambda: HypLinearHyperboloidFHCNN(SHEET, DIM + 1, DIM + 1, rngs=nnx.Rngs(0)), sheet_points),
    "FGGLinear": (lambda: FGGLinear(DIM + 1, DIM + 1, rngs=nnx.Rngs(0)), sheet_points),
    "HTCLinear": (lambda: HTCLinear(DIM + 1, DIM, rngs=nnx.Rngs(0)), sheet_points),
    "HypRegressionPoincare": (lambda: HypRegressionPoincare(BALL, DIM, CLASSES, rngs=nnx.Rngs(0)), ball_points),
    "HypRegressionPoincarePP": (lambda: HypRegressionPoincarePP(BALL, DIM, CLASSES, rngs=nnx.Rngs(0)), ball_points),
    "HypRegressionHyperboloid": (
        lambda: HypRegressionHyperboloid(SHEET, DIM + 1, CLASSES, rngs=nnx.Rngs(0)), sheet_points,
    ),
    "FGGLorentzMLR": (lambda: FGGLorentzMLR(DIM + 1, CLASSES, rngs=nnx.Rngs(0)), sheet_points),
    "2 layers": (lambda: Stack(DIM, DIM, CLASSES), ball_points),
    "3 layers": (lambda: Stack(DIM, DIM, DIM, CLASSES), ball_points),
}  # fmt: skip
CONVS: dict[str, tuple[Callable[[], Any], bool]] = {
    "HypConv2DPoincare": (lambda: HypConv2DPoincare(BALL, 8, 8, 3, rngs=nnx.Rngs(0)), False),
    "HypConv2DHyperboloid": (lambda: HypConv2DHyperboloid(SHEET, 9, 9, 3, rngs=nnx.Rngs(0)), True),
    "FGGConv2D": (lambda: FGGConv2D(SHEET, 9, 9, 3, rngs=nnx.Rngs(0)), True),
}


def parts(layer: nnx.Module) -> tuple[Callable[..., jax.Array], list[jax.Array]]:
    """A function of leaves, points and c, and the leaves: flattening a State takes longer than a layer."""
    graph, state = nnx.split(layer)
    leaves, tree = jax.tree.flatten(state)
    return lambda leaves, x, c: nnx.merge(graph, jax.tree.unflatten(tree, leaves))(x, c), leaves


def run(benchmark: Callable, call: Callable[[], Any]) -> None:
    chex.assert_tree_all_finite(jax.block_until_ready(call()))  # compiles
    benchmark(lambda: jax.block_until_ready(call()))


def gradient_of(call: Callable[..., jax.Array]) -> Callable[..., Any]:
    """Value, and gradient by parameters and points."""
    return jax.jit(jax.value_and_grad(lambda leaves, x, c: jnp.sum(call(leaves, x, c) ** 2), (0, 1)))


@batches
@pytest.mark.parametrize("name", ["HypLinearPoincare", "2 layers"])
def test_eager(benchmark: Callable, name: str, batch: int) -> None:
    build, points = BUILD[name]
    layer, x = build(), points(batch)
    run(benchmark, lambda: layer(x, 1.0))


@pytest.mark.parametrize("name", BUILD)
def test_forward(benchmark: Callable, name: str) -> None:
    build, points = BUILD[name]
    call, leaves = parts(build())
    program, x, c = jax.jit(call), points(1000), jnp.float32(1.0)
    run(benchmark, lambda: program(leaves, x, c))


def test_forward_of_a_small_batch(benchmark: Callable) -> None:
    call, leaves = parts(BUILD["HypLinearPoincare"][0]())
    program, x, c = jax.jit(call), ball_points(100), jnp.float32(1.0)
    run(benchmark, lambda: program(leaves, x, c))


@batches
@pytest.mark.parametrize("name", ["HypLinearPoincare", "2 layers"])
def test_forward_and_backward(benchmark: Callable, name: str, batch: int) -> None:
    build, points = BUILD[name]
    call, leaves = parts(build())
    program, x, c = gradient_of(call), points(batch), jnp.float32(1.0)
    run(benchmark, lambda: program(leaves, x, c))


@pytest.mark.parametrize("gradient", [False, True], ids=["forward", "backward"])
@pytest.mark.parametrize("name", CONVS)
def test_conv(benchmark: Callable, name: str, gradient: bool) -> None:
    build, on_sheet = CONVS[name]
    call, leaves = parts(build())
    x = 0.1 * jax.random.normal(jax.random.key(1), (4, 16, 16, 8))
    if on_sheet:
        lifted = jax.vmap(lambda v: SHEET.expmap_0(v, 1.0))(SHEET.embed_spatial_0(x).reshape(-1, 9))
        x = lifted.reshape(4, 16, 16, 9)
    program, c = gradient_of(call) if gradient else jax.jit(call), jnp.float32(1.0)
    run(benchmark, lambda: program(leaves, x, c))

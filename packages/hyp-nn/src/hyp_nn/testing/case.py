"""What the laws need to know about a layer, and its two compiled programs, which all laws share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from hyp_manifolds import Hyperboloid, Manifold, Poincare


def _call(layer: Any, x: jax.Array, c: Any) -> jax.Array:
    return layer(x, c)


@dataclass(frozen=True)
class Case:
    """A layer and what goes in and comes out.

    Attributes:
        build: the layer, from `nnx.Rngs`.
        source: manifold of the points that go in, None for Euclidean features (or tangents at the origin).
        target: manifold of the points that come out, None for Euclidean numbers.
        coords: length of the last axis that goes in.
        out: shape of one sample that comes out.
        pixels: axes of one sample before the last, for convolutions and pooling.
        call: how the layer is called.
        smooth: whether gradients are the derivatives (not so straight through a choice).
        per_sample: whether a batch is the layer of each sample (not so for batch statistics).
    """

    build: Callable[[nnx.Rngs], Any]
    source: Manifold | None
    target: Manifold | None
    coords: int
    out: tuple[int, ...]
    pixels: tuple[int, ...] = ()
    call: Callable[[Any, jax.Array, Any], jax.Array] = _call
    per_sample: bool = True
    smooth: bool = True

    @property
    def sample(self) -> tuple[int, ...]:
        """Shape of one sample that goes in."""
        return (*self.pixels, self.coords)

    def inputs(self, key: Any, batch: tuple[int, ...], c: float, std: float = 0.6) -> jax.Array:
        """Random samples, shape (*batch, *pixels, coords), at about radius std * sqrt(dim)."""
        shape = (*batch, *self.pixels)
        if self.source is None:
            return std * jax.random.normal(key, (*shape, self.coords))
        dim, count = self.source.intrinsic_dim(self.coords), int(np.prod(shape))
        draw = _points(self.source, dim, std)
        return draw(jax.random.split(key, count), jnp.asarray(c, jnp.zeros(()).dtype)).reshape(*shape, self.coords)

    def special(self, batch: int, c: float) -> jax.Array:
        """Samples at hard places, in turn: the origin, the edge (radius 8/sqrt(c)), and one coordinate alone."""
        count = batch * int(np.prod(self.pixels, dtype=int))
        dim = self.coords if self.source is None else self.source.intrinsic_dim(self.coords)
        u = np.zeros((count, dim), np.asarray(jnp.zeros(())).dtype)
        u[1::3] = 8 / np.sqrt(c * dim)
        u[2::3, 0] = 0.5
        if self.source is not None:
            u = _exp(self.source)(jnp.asarray(u), jnp.asarray(c, u.dtype))
        return jnp.asarray(u).reshape(batch, *self.pixels, self.coords)


_COMPILED: dict[Any, Callable[..., jax.Array]] = {}


def _points(manifold: Manifold, dim: int, std: float) -> Callable[..., jax.Array]:
    key = ("points", manifold, dim, std)
    if key not in _COMPILED:
        draw = jax.vmap(lambda k, c: manifold.random_point(k, dim, c, std=std), (0, None))
        _COMPILED[key] = jax.jit(draw)
    return _COMPILED[key]


def _exp(manifold: Manifold) -> Callable[..., jax.Array]:
    """exp_0 of vectors given in an orthonormal frame at the origin."""
    key = ("exp", manifold)
    if key not in _COMPILED:
        scale = 0.5 if isinstance(manifold, Poincare) else 1.0
        missing = manifold.ambient_dim(1) - 1

        def one(u: jax.Array, c: jax.Array) -> jax.Array:
            return manifold.expmap_0(jnp.concatenate([jnp.zeros(missing, u.dtype), scale * u]), c)

        _COMPILED[key] = jax.jit(jax.vmap(one, (0, None)))
    return _COMPILED[key]


class Result(NamedTuple):
    """Output of a layer and gradients of its weighted sum."""

    y: jax.Array
    value: jax.Array
    by_params: Any
    by_x: jax.Array
    by_c: jax.Array


class Program:
    """A layer of a case, its forward and gradient program, compiled once, and a count of its traces."""

    BATCH = (2, 3)
    C = 0.7

    def __init__(self, case: Case, name: str = "", seed: int = 0) -> None:
        self.case, self.name = case, name
        self.layer = case.build(nnx.Rngs(params=seed, dropout=1))
        # Parameters that start at 0 hide what they do: move all.
        graph, params, rest = nnx.split(self.layer, nnx.Param, ...)
        leaves, tree = jax.tree.flatten(params)
        rng = np.random.default_rng(seed + 1)
        dtype = jnp.zeros(()).dtype  # float32 parameters would round away the steps of finite differences in float64
        moved = [jnp.asarray(np.asarray(p) + 0.1 * rng.standard_normal(p.shape), dtype) for p in leaves]
        self.graph, self.params, self.rest = graph, _back(tree, moved, params), rest
        self.traces = 0
        self._run = jax.jit(self._program)
        self.x = case.inputs(jax.random.key(seed + 2), self.BATCH, self.C)
        shape = (*self.BATCH, *case.out)
        self.weights = np.cos(np.arange(np.prod(shape, dtype=int)) ** 2.0).astype(self.x.dtype).reshape(shape)

    def forward(self, params: Any, x: jax.Array, c: Any) -> jax.Array:
        """The layer as a pure function."""
        return self.case.call(nnx.merge(self.graph, params, self.rest, copy=True), x, c)

    def _program(self, params: Any, x: jax.Array, c: jax.Array) -> Result:
        self.traces += 1

        def loss(params: Any, x: jax.Array, c: jax.Array) -> tuple[jax.Array, jax.Array]:
            y = self.forward(params, x, c)
            return jnp.sum(self.weights.reshape(y.shape) * y), y

        (value, y), grads = jax.value_and_grad(loss, (0, 1, 2), has_aux=True)(params, x, c)
        return Result(y, value, *grads)

    def run(self, x: jax.Array | None = None, c: Any = None, params: Any = None) -> Result:
        """Output and gradients on a batch of shape BATCH."""
        x = self.x if x is None else x
        return self._run(self.params if params is None else params, x, jnp.asarray(self.C if c is None else c, x.dtype))


def _back(tree: Any, leaves: list[jax.Array], params: Any) -> Any:
    """Moved parameters; those on a manifold go back to it."""
    moved = jax.tree.unflatten(tree, leaves)

    def fix(variable: Any) -> Any:
        manifold = variable.get_metadata("manifold", None) if hasattr(variable, "get_metadata") else None
        if manifold is None:
            return variable
        value = np.asarray(variable[...]).reshape(-1, variable.shape[-1])
        start = value * value.dtype.type(1.0 if isinstance(manifold, Hyperboloid) else 0.2)
        points = jax.jit(jax.vmap(lambda p: manifold.proj(p, np.ones((), p.dtype))))(start)
        return variable.replace(points.reshape(variable.shape))

    return jax.tree.map(fix, moved, is_leaf=lambda v: isinstance(v, nnx.Variable))


__all__ = ["Case", "Program", "Result"]

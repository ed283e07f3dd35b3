"""All parameters as one point of one manifold: inner products, steps and transports of whole trees."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from hyp_optim import _checks
from hyp_optim._lift import widen
from hyp_optim._space import Space, empty, space_of
from hyp_optim._tree import LeafManifolds

Leaves = list[Array]


@dataclasses.dataclass(frozen=True)
class TreeSpace:
    """The product of the spaces of all leaves; points and tangents are lists of leaves, in the order of the tree.

    Attributes:
        spaces: where each leaf lives.
    """

    spaces: tuple[Space, ...]

    @classmethod
    def of(cls, found: LeafManifolds, curvatures: list[Any], use_expmap: bool) -> TreeSpace:
        """The space of a parameter tree."""
        return cls(tuple(space_of(s, c, use_expmap) for s, c in zip(found.specs, curvatures, strict=True)))

    def gradient(self, grads: Leaves, x: Leaves) -> Leaves:
        """Riemannian gradient of a Euclidean one."""
        return self._each(lambda space, g, p: space.gradient(g, p), grads, x)

    def inner(self, u: Leaves, v: Leaves, x: Leaves) -> Float[Array, ""]:
        """Riemannian inner product."""
        parts = [
            jnp.sum(space.lift(space.inner, p)(a, b, p))
            for space, a, b, p in zip(self.spaces, u, v, x, strict=True)
            if not empty(p)
        ]
        return sum(parts, jnp.zeros(()))

    def norm(self, v: Leaves, x: Leaves) -> Float[Array, ""]:
        """Riemannian norm."""
        return jnp.sqrt(self.inner(v, v, x))

    def move(self, v: Leaves, x: Leaves) -> Leaves:
        """The point that the tangent v at x leads to."""
        return self._each(lambda space, u, p: space.move(u, p), v, x)

    def carry(self, v: Leaves, x: Leaves, y: Leaves) -> Leaves:
        """Parallel transport of v from x to y."""
        return self._each(lambda space, u, p, q: space.carry(u, p, q), v, x, y)

    def _each(self, verb: Callable[..., Array], *arguments: Leaves) -> Leaves:
        return [
            leaves[-1]
            if empty(leaves[-1])
            else space.lift(lambda *a, space=space: verb(space, *a), leaves[-1])(*leaves).astype(leaves[-1].dtype)
            for space, *leaves in zip(self.spaces, *arguments, strict=True)
        ]


@dataclasses.dataclass(frozen=True)
class Problem:
    """A function on a tree of parameters, seen as a function on a `TreeSpace`.

    Attributes:
        space: where the parameters live.
        fun: the function, of leaves.
    """

    space: TreeSpace
    fun: Callable[[Leaves], Array]

    def value_and_gradient(self, x: Leaves) -> tuple[Array, Leaves]:
        """The value and the Riemannian gradient."""
        value, grads = jax.value_and_grad(self.fun)(x)
        return value, self.space.gradient(grads, x)

    def hessian(self, x: Leaves, v: Leaves) -> Leaves:
        """Riemannian Hessian along v: the derivative of t -> PT_{exp_x(t v) -> x} grad f(exp_x(t v)) at t = 0.

        Second derivatives of the coordinates need connection terms of the model; transport brings them by itself.
        """

        def carried(t: Array) -> Leaves:
            y = self.space.move(scaled(t, v), x)
            _, g = self.value_and_gradient(y)
            return self.space.carry(g, y, x)

        _, derivative = jax.jvp(carried, (jnp.zeros(()),), (jnp.ones(()),))
        return derivative


def combine(a: Any, u: Leaves, b: Any, v: Leaves) -> Leaves:
    """a u + b v."""
    return [jnp.asarray(a, p.dtype) * p + jnp.asarray(b, p.dtype) * q for p, q in zip(u, v, strict=True)]


def scaled(a: Any, v: Leaves) -> Leaves:
    """a v."""
    return [jnp.asarray(a, p.dtype) * p for p in v]


def choose(flag: Array, u: Any, v: Any) -> Any:
    """u where the flag is set, else v, for whole trees."""
    return jax.tree.map(lambda a, b: jnp.where(flag, a, b), u, v)


def widened(params: Any, owner: str) -> Leaves:
    """The leaves in the dtype that computations run in."""
    _checks.check_floating(params, owner)
    return [widen(x) for x in jax.tree.leaves(params)]

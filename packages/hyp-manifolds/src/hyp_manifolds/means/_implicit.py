"""The derivative of a minimiser, by the implicit function theorem."""

# Helpers of a few lines, whose arrays go without annotations.
# pyright: reportMissingParameterType=false, reportUnknownParameterType=false

import functools
from collections.abc import Callable
from typing import TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from hyp_manifolds._manifold import Manifold
from hyp_manifolds._numerics import select, widening
from hyp_manifolds._numerics.scope import Scope, in_x64
from hyp_manifolds.means._minimise import Found
from hyp_manifolds.means._space import Parts, Space

# (space, base, mark, points, weights) -> where Newton's method goes from base
Newton: TypeAlias = Callable[[Space, Parts, jax.Array, Parts, jax.Array], Parts]
_Static: TypeAlias = tuple[Newton, tuple[Manifold, ...], Scope]


def implicit(newton: Newton, outer: Scope, space: Space, found: Found, x: Parts, w: jax.Array) -> Parts:
    """The minimiser that was found, as a function of points, weights and curvatures."""
    return _minimiser((newton, space.models, outer), found.q, found.converged, found.mark, x, w, space.cs)


@functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
@in_x64
def _minimiser(static: _Static, y: Parts, ok: jax.Array, mark: jax.Array, x: Parts, w: jax.Array, cs: Parts) -> Parts:
    return y


@_minimiser.defjvp
@in_x64
def _(static, primals, tangents):
    """At a minimiser the Newton map y -> exp_y(-H^-1 grad) has derivative 0 by y: its others are the minimiser's."""
    _, ok, mark, x, w, cs = primals
    newton, models, outer = static
    y = _minimiser(static, *primals)  # not the plain array: second derivatives differentiate this rule

    def rule(*_: jax.Array) -> Parts:
        def step(x: Parts, w: jax.Array, cs: Parts) -> Parts:
            space = Space(models, cs)
            return newton(space, space.on_manifold(y), mark, x, w)

        moved = jax.jvp(step, (x, w, cs), tangents[3:])[1]
        # A minimiser that was not found has no derivative. Not by `where`, whose transpose would answer 0.
        return tuple(d * select(ok, 1.0, jnp.nan) for d in moved)

    return y, widening(rule, Scope(np.dtype(np.float64), outer.compute))

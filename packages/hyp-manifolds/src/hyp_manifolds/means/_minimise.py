"""Newton's method with backtracking for a sum of distances, in a loop whose memory does not depend on its length."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from hyp_manifolds._numerics import select
from hyp_manifolds.means._space import Parts, Space, inner


class Local(NamedTuple):
    """What an objective says at a point q."""

    q: Parts
    value: jax.Array
    descent: Parts  # minus the gradient, in coordinates
    slope: jax.Array  # its length
    scale: jax.Array  # what a slope is compared with
    step: Parts  # where to go for the minimum, in coordinates
    guess: Parts  # another point that may be the minimum
    mark: jax.Array  # which points q coincides with, shape (M,), where that matters


class Found(NamedTuple):
    """Where the loop stopped."""

    q: Parts
    steps: jax.Array
    slope: jax.Array
    converged: jax.Array
    mark: jax.Array


class _State(NamedTuple):
    at: Local
    floor: jax.Array
    shorter: jax.Array
    steps: jax.Array


_SHORTEST = 1e-12
_RESOLUTION = 64 * float(np.finfo(np.float64).eps)


def minimise(
    space: Space, look: Callable[[Parts], Local], start: Parts, count: int, tol: Any, max_steps: int, *, guesses: bool
) -> Found:
    """Minimum of an objective over `count` points, from `start`, by steps that lower it.

    Every round of the loop evaluates `look` once. A step is taken if it lowers the value by a fraction of what the
    slope promises or, where the value no longer resolves that, if it halves the slope; else it is shortened. With
    `guesses`, every other round tries the guess instead. Converged is a slope of at most tol times the scale, or
    what rounding leaves of the scale at the start.
    """

    def done(s: _State) -> jax.Array:
        return s.at.slope <= tol * s.at.scale + s.floor

    def go(s: _State) -> jax.Array:
        more = ~done(s) & jnp.isfinite(s.at.value) & (s.steps < max_steps) & (s.shorter > _SHORTEST)
        return (s.steps < 0) | more

    def body(s: _State) -> _State:
        first = s.steps < 0  # of length 0: what there is to compile, is in the loop alone
        step = jax.tree.map(lambda p: s.shorter * p, s.at.step)
        q, turn = space.exp(step, s.at.q), jnp.zeros((), bool)
        if guesses:
            turn = ~first & (s.steps % 2 == 0)
            q = jax.tree.map(lambda g, p: select(turn, g, p), s.at.guess, q)
        new = look(q)
        lower = new.value <= s.at.value - select(turn, 0.0, 1e-4 * inner(step, s.at.descent))
        flatter = (new.value <= s.at.value * (1 + 1e-12)) & (new.slope <= 0.5 * s.at.slope)
        taken = first | lower | flatter
        at = jax.tree.map(lambda n, o: select(taken, n, o), new, s.at)
        shorter = select(taken, 1.0, select(turn, 1.0, 0.25) * s.shorter)
        return _State(at, select(first, _RESOLUTION * new.scale, s.floor), shorter, s.steps + 1)

    still, none = space.zeros(start), jnp.zeros(())
    unknown = Local(start, none, still, none, none, still, start, jnp.zeros(count, bool))
    last = lax.while_loop(go, body, _State(unknown, none, jnp.ones(()), jnp.int32(-1)))
    return Found(last.at.q, last.steps, last.at.slope, done(last), last.at.mark)

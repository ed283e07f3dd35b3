"""What a rule is: how gradients of one point become its direction. Dense, sparse and composed forms come from here."""

from __future__ import annotations

import functools
import numbers
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array

from hyp_optim._space import Space

Slots = dict[str, Array]


class Slot(NamedTuple):
    """One thing that a rule remembers about a point.

    Attributes:
        name: of the state's field.
        tangent: a tangent vector at the point, transported when it moves; otherwise one number per factor.
        initial: the value before the first step.
    """

    name: str
    tangent: bool
    initial: Any = 0.0


class When(NamedTuple):
    """The time of a step.

    Attributes:
        step: its number, 1 for the first.
        elapsed: steps since the last one of this point; 1 but in sparse rules.
    """

    step: Any
    elapsed: Any = 1


class Direction(NamedTuple):
    """A direction to subtract: a tangent, divided by numbers.

    Attributes:
        tangent: the tangent.
        over: divisors in their order, each a number or one per factor.
    """

    tangent: Array
    over: tuple[Array, ...] = ()

    def vector(self, space: Space) -> Array:
        """The direction itself."""
        v = self.tangent
        for by in self.over:
            v = v / (by if jnp.ndim(by) == 0 else space.spread(by))
        return v

    def scale(self) -> Array:
        """What the tangent is multiplied by, a number or one per factor."""
        return functools.reduce(jnp.divide, self.over, jnp.ones((), self.tangent.dtype))


class Rule(NamedTuple):
    """A rule for one point.

    Attributes:
        slots: what it remembers.
        direction: (Riemannian gradient, slots, point, space, when) -> (direction, slots at the same point). Written
            once for points of a manifold and for Euclidean arrays: the space knows the difference.
        along: the slot that is the direction's tangent: the point moves along it, and it is its own velocity. None
            where the direction is another one.
        decays: whether its slots decay in steps with gradient 0.
    """

    slots: tuple[Slot, ...]
    direction: Callable[[Array, Slots, Array, Space, When], tuple[Direction, Slots]]
    along: str | None = None
    decays: bool = True


def is_zero(value: Any) -> bool:
    """Whether a hyperparameter is the Python number 0; the value of an array, which may be traced, is not looked at."""
    return isinstance(value, numbers.Real) and value == 0


def sgd_rule(momentum: Any, dampening: Any, nesterov: bool) -> Rule:
    """m <- momentum m + (1 - dampening) r; direction m, or r + momentum m (Nesterov)."""
    if is_zero(momentum):
        return Rule((), lambda r, slots, x, space, when: (Direction(r), {}), decays=False)

    def direction(r: Array, slots: Slots, x: Array, space: Space, when: When) -> tuple[Direction, Slots]:
        decay = jnp.asarray(momentum, r.dtype)
        fresh = r if is_zero(dampening) else (1 - jnp.asarray(dampening, r.dtype)) * r
        m = fresh + _power(decay, when.elapsed) * slots["momentum"]
        return Direction(r + decay * m if nesterov else m), {"momentum": m}

    return Rule((Slot("momentum", tangent=True),), direction, None if nesterov else "momentum")


def adam_rule(beta1: Any, beta2: Any, eps: Any, amsgrad: bool) -> Rule:
    """Direction m1/(1 - beta1^t) / (sqrt(m2/(1 - beta2^t)) + eps), m2 the mean of squared norms."""

    def direction(r: Array, slots: Slots, x: Array, space: Space, when: When) -> tuple[Direction, Slots]:
        m1 = (1 - beta1) * r + _power(beta1, when.elapsed) * slots["m1"]
        m2 = (1 - beta2) * space.squares(r, x) + _power(beta2, when.elapsed) * slots["m2"]
        m1, m2 = m1.astype(r.dtype), m2.astype(r.dtype)
        new = {"m1": m1, "m2": m2}
        unbiased = m2 / _bias(beta2, when.step).astype(r.dtype)
        if amsgrad:
            unbiased = new["m2_max"] = jnp.maximum(slots["m2_max"], unbiased)
        bias = _bias(beta1, when.step).astype(r.dtype)
        return Direction(m1, (bias, jnp.sqrt(unbiased) + jnp.asarray(eps, r.dtype))), new

    slots = (Slot("m1", tangent=True), Slot("m2", tangent=False))
    return Rule((*slots, Slot("m2_max", tangent=False)) if amsgrad else slots, direction, "m1")


def adagrad_rule(initial: Any, eps: Any) -> Rule:
    """Direction r / sqrt(s + eps), s the sum of squared norms."""

    def direction(r: Array, slots: Slots, x: Array, space: Space, when: When) -> tuple[Direction, Slots]:
        s = space.squares(r, x) + slots["sum_of_squares"]
        s = s.astype(r.dtype)
        scale = jnp.where(s > 0, lax.rsqrt(s + jnp.asarray(eps, r.dtype)), 0)
        return Direction(space.spread(scale) * r), {"sum_of_squares": s}

    return Rule((Slot("sum_of_squares", tangent=False, initial=initial),), direction, decays=False)


@functools.partial(jax.jit, inline=True)
def _bias(decay: Any, step: Any) -> Array:
    """1 - decay^step, compiled in every case: close to 0 it differs from the same operations one by one."""
    return 1 - decay**step


def _power(decay: Any, elapsed: Any) -> Any:
    return decay if isinstance(elapsed, int) and elapsed == 1 else decay**elapsed

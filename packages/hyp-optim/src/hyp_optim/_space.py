"""Where a leaf lives: the verbs that a rule needs, the same for points of a manifold and for Euclidean arrays."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from hyp_manifolds import Manifold, Product
from jax import lax
from jaxtyping import Array

from hyp_optim._lift import lift
from hyp_optim.spec import ManifoldSpec


@dataclasses.dataclass(frozen=True)
class Curved:
    """Points of a manifold at curvature magnitude `c`; every verb takes single points.

    Attributes:
        manifold: the manifold.
        c: a number, an array, or one value per factor of a product.
        use_expmap: `move` is the exponential map; if False the manifold's retraction.
    """

    manifold: Manifold
    c: Any
    use_expmap: bool = True

    def gradient(self, grad: Array, x: Array) -> Array:
        """Riemannian gradient of a Euclidean one."""
        return self.manifold.egrad2rgrad(grad, x, self.c)

    def squares(self, v: Array, x: Array) -> Array:
        """Squared Riemannian norm of a tangent; on a product those of the factors, shape (factors,)."""
        squares = _factor_squares(self.manifold, v, x, self.c)
        return (jnp.stack(squares) if isinstance(self.manifold, Product) else squares[0]).astype(v.dtype)

    def spread(self, per_factor: Array) -> Array:
        """A number, or those of the factors, shape (factors,), for multiplication with a tangent."""
        if not isinstance(self.manifold, Product):
            return per_factor
        return jnp.repeat(per_factor, np.array(_lengths(self.manifold)), total_repeat_length=_total(self.manifold))

    def inner(self, u: Array, v: Array, x: Array) -> Array:
        """Riemannian inner product."""
        return self.manifold.tangent_inner(u, v, x, self.c)

    def norm(self, v: Array, x: Array) -> Array:
        """Riemannian norm."""
        return self.manifold.tangent_norm(v, x, self.c)

    def move(self, v: Array, x: Array) -> Array:
        """The point that the tangent v at x leads to."""
        move = self.manifold.expmap if self.use_expmap else self.manifold.retraction
        return move(v, x, self.c)

    def carry(self, v: Array, x: Array, y: Array) -> Array:
        """Parallel transport of v from x to y."""
        return self.manifold.ptransp(v, x, y, self.c).astype(v.dtype)

    def flow(self, t: Array, v: Array, x: Array) -> tuple[Array, Array]:
        """The point exp_x(t v) and v transported there; t is a number, or one per factor, shape (factors,)."""
        point, velocity = _flow(self.manifold, t, v, x, self.c)
        return point, velocity.astype(v.dtype)

    def outward(self, x: Array) -> Array:
        """The tangent -log_x(origin), the gradient of half the squared distance to the origin."""
        dim = self.manifold.intrinsic_dim(x.shape[-1])
        return -self.manifold.logmap(self.manifold.create_origin(self.c, dim).astype(x.dtype), x, self.c)

    def between(self, t: Any, x: Array, y: Array) -> Array:
        """The point at time t of the geodesic from x to y."""
        return self.manifold.geodesic(t, x, y, self.c)

    def lift(self, fn: Callable[..., Any], points: Array) -> Callable[..., Any]:
        """Returns `fn`, which takes single points, for arrays with the leading axes of `points`."""
        return lift(fn, points)

    def delta(self, new: Array, x: Array, dtype: Any) -> Array:
        """The additive update that takes x to `new`; both wide, of any leading axes, stored in `dtype`.

        Hazard: x + (new - x) rounds, and the parameter's own dtype rounds again; close to a boundary that may cross
        it. Cure: look where the sum lands, and aim at the projection where that is outside.
        """
        delta = new.astype(x.dtype) - x
        landed = (x + delta).astype(dtype)
        on = self.lift(lambda p: self.manifold.is_in_manifold(p, self.c), landed)(landed)

        def corrected() -> Array:
            inside = self.lift(lambda p: self.manifold.proj(p, self.c), landed)(landed)
            return jnp.where(on[..., None], delta, inside.astype(x.dtype) - x)

        return lax.cond(jnp.all(on), lambda: delta, corrected)


@dataclasses.dataclass(frozen=True)
class Flat:
    """A Euclidean array of any shape: every number has a moment of its own, as in optax."""

    def gradient(self, grad: Array, x: Array) -> Array:
        """The gradient itself."""
        return grad

    def squares(self, v: Array, x: Array) -> Array:
        """The squared numbers, each alone."""
        return v**2

    def spread(self, per_factor: Array) -> Array:
        """The numbers themselves."""
        return per_factor

    def inner(self, u: Array, v: Array, x: Array) -> Array:
        """The sum of the products."""
        return jnp.sum(u * v)

    def norm(self, v: Array, x: Array) -> Array:
        """Root of the sum of the squares."""
        return jnp.sqrt(jnp.sum(v * v))

    def move(self, v: Array, x: Array) -> Array:
        """x + v."""
        return x + v

    def carry(self, v: Array, x: Array, y: Array) -> Array:
        """v itself."""
        return v

    def outward(self, x: Array) -> Array:
        """x itself."""
        return x

    def between(self, t: Any, x: Array, y: Array) -> Array:
        """x + t (y - x)."""
        return x + jnp.asarray(t, x.dtype) * (y - x)

    def lift(self, fn: Callable[..., Any], points: Array) -> Callable[..., Any]:
        """`fn` itself: it takes whole arrays."""
        return fn

    def delta(self, new: Array, x: Array, dtype: Any) -> Array:
        """new - x."""
        return new - x


Space = Curved | Flat


def space_of(spec: ManifoldSpec | None, c: Any, use_expmap: bool = True) -> Space:
    """The space of a leaf with this spec, whose curvature is `c` in this step."""
    return Flat() if spec is None else Curved(spec.manifold, c, use_expmap)


def factors_shape(spec: ManifoldSpec | None, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of one number per factor and point, for a leaf of this spec and shape."""
    if spec is None:
        return shape
    return (*shape[:-1], spec.manifold.curvatures) if isinstance(spec.manifold, Product) else shape[:-1]


def _factor_squares(manifold: Manifold, v: Array, x: Array, c: Any) -> list[Array]:
    if not isinstance(manifold, Product):
        return [manifold.tangent_inner(v, v, x, c)]
    pieces = zip(shares(manifold, c), manifold.split(v), manifold.split(x), strict=True)
    return [square for (factor, _, own), part, point in pieces for square in _factor_squares(factor, part, point, own)]


def _flow(manifold: Manifold, t: Array, v: Array, x: Array, c: Any) -> tuple[Array, Array]:
    if not isinstance(manifold, Product) or t.ndim == 0:
        return manifold.geodesic_flow(t, v, x, c)
    pieces = [
        _flow(factor, t[own] if isinstance(factor, Product) else t[own.start], part, point, curvature)
        for (factor, own, curvature), part, point in zip(
            shares(manifold, c), manifold.split(v), manifold.split(x), strict=True
        )
    ]
    points, velocities = zip(*pieces, strict=True)
    return manifold.join(points), manifold.join(velocities)


def shares(manifold: Product, c: Any) -> list[tuple[Manifold, slice, Any]]:
    """(factor, its places among the numbers of all factors, its curvature)."""
    shared, start, found = jnp.ndim(c) == 0, 0, []
    for factor, _ in manifold.factors:
        nested = isinstance(factor, Product)
        own = slice(start, start + (factor.curvatures if nested else 1))
        found.append((factor, own, c if shared else c[own] if nested else c[start]))
        start = own.stop
    return found


def _lengths(manifold: Product) -> list[int]:
    """The number of coordinates of each factor, nested ones in line."""
    return [
        length
        for factor, dim in manifold.factors
        for length in (_lengths(factor) if isinstance(factor, Product) else [factor.ambient_dim(dim)])
    ]


def _total(manifold: Product) -> int:
    return sum(_lengths(manifold))


def empty(x: jax.Array) -> bool:
    """Whether there is no point: JAX cannot map a manifold's checkify assertions over an empty axis."""
    return x.size == 0

"""The contract of a manifold, and generic definitions that follow from exp, log and transport."""

import abc
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from hyp_manifolds import _checks
from hyp_manifolds._door import door, has_arrays
from hyp_manifolds._numerics import in_scope, range_scale, safe_sqrt, select

if TYPE_CHECKING:  # callers pass Python, NumPy or JAX numbers, bodies receive arrays: no one type says both
    Scalar: TypeAlias = Any
else:
    Scalar = Float[Array, ""]
Vector = Float[Array, "dim"]


@dataclass(frozen=True)
class Manifold(abc.ABC):
    """A Riemannian manifold of constant sectional curvature -c.

    Methods are functions of single points, shape `(ambient_dim(dim),)`: batch them with `jax.vmap`, pairs with nested
    `vmap`. The curvature `c` is an argument of the call, a scalar, traced or not. Float32 (and narrower) inputs are
    computed in local float64 and return in their own dtype; float64 inputs use compensated formulas. NaN in gives NaN
    out; finite input gives a finite result wherever the true one is representable.

    A new manifold is a frozen dataclass that defines the abstract methods on float64 vectors; everything else follows
    and can be overridden by a closed form. Checks, dtypes and jit are added to every annotated method by this class.

    Attributes:
        dtype: None computes in the inputs' dtype; a floating dtype casts inputs to it and returns it.
    """

    dtype: Any = None

    curvature_domain: ClassVar[str] = "positive"
    versions: ClassVar[tuple[int, ...]] = (0,)

    def __post_init__(self) -> None:
        """Canonicalise `dtype`, so that equal manifolds hash alike."""
        if self.dtype is not None:
            object.__setattr__(self, "dtype", _checks.result_dtype(type(self).__name__, self.dtype))

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Put the door in front of every annotated method that the class defines."""
        super().__init_subclass__(**kwargs)
        _install_doors(cls)

    # What a model has to define ------------------------------------------------------------------------------------

    @abc.abstractmethod
    def proj(self, x: Vector, c: Scalar) -> Vector:
        """Nearest representable point of the manifold; the identity on points that are on it."""

    @abc.abstractmethod
    def expmap(self, v: Vector, x: Vector, c: Scalar) -> Vector:
        """Exponential map exp_x(v)."""

    @abc.abstractmethod
    def logmap(self, y: Vector, x: Vector, c: Scalar) -> Vector:
        """Logarithm log_x(y), the inverse of `expmap` at x."""

    @abc.abstractmethod
    def ptransp(self, v: Vector, x: Vector, y: Vector, c: Scalar) -> Vector:
        """Parallel transport of v from x to y along the geodesic."""

    @abc.abstractmethod
    def tangent_inner(self, u: Vector, v: Vector, x: Vector, c: Scalar) -> Scalar:
        """Riemannian inner product g_x(u, v)."""

    @abc.abstractmethod
    def tangent_proj(self, v: Vector, x: Vector, c: Scalar) -> Vector:
        """Orthogonal projection of an ambient vector onto the tangent space at x."""

    @abc.abstractmethod
    def egrad2rgrad(self, grad: Vector, x: Vector, c: Scalar) -> Vector:
        """Riemannian gradient from the Euclidean gradient of the coordinates."""

    @abc.abstractmethod
    def is_in_manifold(self, x: Vector, c: Scalar, atol: Scalar | None = None) -> Bool[Array, ""]:
        """Whether x is a point of the manifold."""

    @abc.abstractmethod
    def is_in_tangent_space(self, v: Vector, x: Vector, c: Scalar, atol: Scalar | None = None) -> Bool[Array, ""]:
        """Whether v is tangent at x."""

    @abc.abstractmethod
    def _origin(self, c: jax.Array, dim: int) -> jax.Array:
        """The origin, in the dtype of c."""

    @abc.abstractmethod
    def _frame_at_origin(self, u: jax.Array, c: jax.Array) -> jax.Array:
        """Coordinates of the tangent at the origin whose components in an orthonormal frame are u."""

    def _margin(self, x: jax.Array, c: jax.Array) -> jax.Array | None:
        """Positive where x is on the manifold; None where every array is."""
        return None

    def sectional_curvature(self, c: Any) -> Any:
        """The constant sectional curvature: -c, unless the class says otherwise."""
        return -c

    def ambient_dim(self, dim: int) -> int:
        """Length of the arrays that hold points of a `dim`-dimensional manifold."""
        return dim

    def intrinsic_dim(self, ambient: int) -> int:
        """Dimension of the manifold whose points have `ambient` coordinates."""
        return ambient - (self.ambient_dim(1) - 1)

    # What follows ----------------------------------------------------------------------------------------------------

    def sqdist(self, x: Vector, y: Vector, c: Scalar) -> Scalar:
        """Squared geodesic distance, smooth everywhere: what losses should use."""
        v = self.logmap(y, x, c)
        return self.tangent_inner(v, v, x, c)

    def dist(self, x: Vector, y: Vector, c: Scalar, version_idx: int = 0) -> Scalar:
        """Geodesic distance; gradient 0 at x == y."""
        return safe_sqrt(self.sqdist(x, y, c))

    def dist_0(self, x: Vector, c: Scalar, version_idx: int = 0) -> Scalar:
        """Distance from the origin."""
        return self.dist(self._origin(c, self.intrinsic_dim(x.shape[-1])), x, c)

    def expmap_0(self, v: Vector, c: Scalar) -> Vector:
        """Exponential map at the origin."""
        return self.expmap(v, self._origin(c, self.intrinsic_dim(v.shape[-1])), c)

    def logmap_0(self, y: Vector, c: Scalar) -> Vector:
        """Logarithm at the origin."""
        return self.logmap(y, self._origin(c, self.intrinsic_dim(y.shape[-1])), c)

    def ptransp_0(self, v: Vector, y: Vector, c: Scalar) -> Vector:
        """Parallel transport of v from the origin to y."""
        return self.ptransp(v, self._origin(c, self.intrinsic_dim(y.shape[-1])), y, c)

    def addition(self, x: Vector, y: Vector, c: Scalar) -> Vector:
        """Gyro-addition exp_x(PT_{0->x}(log_0 y)): left translation by x, an isometry that takes 0 to x."""
        return self.expmap(self.ptransp_0(self.logmap_0(y, c), x, c), x, c)

    def coaddition(self, x: Vector, y: Vector, c: Scalar) -> Vector:
        """Gyro-coaddition x (+) gyr[x, -y] y, the commutative one of the two additions.

        Args: x, y: points, shape (ambient_dim(dim),); c: scalar.
        Returns: point, shape (ambient_dim(dim),). Source: Ungar 2005, Ch. 2.
        """
        return self.addition(x, self.gyration(x, self.scalar_mul(-1.0, y, c), y, c), c)

    def gyration(self, x: Vector, y: Vector, z: Vector, c: Scalar) -> Vector:
        """Gyration gyr[x, y] z = -(x (+) y) (+) (x (+) (y (+) z)), a rotation about the origin.

        Computed as what transport around the triangle 0, -y, x does to log_0 z, which subtracts no far points.

        Args: x, y, z: points, shape (ambient_dim(dim),); c: scalar.
        Returns: point, shape (ambient_dim(dim),), as far from the origin as z. Source: Ungar 2005, Eq. 1.27; Ganea et
        al. 2018, Theorem 1 and Eq. 8 for the transport.
        """
        origin, back = self._origin(c, self.intrinsic_dim(x.shape[-1])), self.scalar_mul(-1.0, y, c)
        at_x = self.ptransp(self.ptransp_0(self.logmap_0(z, c), back, c), back, x, c)
        return self.expmap_0(self.ptransp(at_x, x, origin, c), c)

    def scalar_mul(self, r: Scalar, x: Vector, c: Scalar) -> Vector:
        """Gyro-scaling exp_0(r log_0 x): r times as far from the origin on the same ray."""
        return self.expmap_0(r * self.logmap_0(x, c), c)

    def retraction(self, v: Vector, x: Vector, c: Scalar) -> Vector:
        """First-order retraction proj(x + v)."""
        return self.proj(x + v, c)

    def geodesic(self, t: Scalar, x: Vector, y: Vector, c: Scalar) -> Vector:
        """The point at time t on the geodesic with x at t = 0 and y at t = 1."""
        return self.expmap(t * self.logmap(y, x, c), x, c)

    def geodesic_unit(self, t: Scalar, v: Vector, x: Vector, c: Scalar) -> Vector:
        """The point exp_x(t v/|v|_x), at arc length t from x in the direction of v.

        Args: t: scalar, in the unit of distance; v: tangent at x, any length, shape (ambient_dim(dim),); x: point, same
        shape; c: scalar.
        Returns: point, shape (ambient_dim(dim),). At v = 0, which has no direction: x, with gradient 0 by v and t.
        Accuracy: that of `expmap`.
        """
        v = v / range_scale(v)  # squares of a short tangent must not underflow; only its direction counts
        n = self.tangent_norm(v, x, c)
        still = n == 0
        return self.expmap(select(still, 0.0, t * v / select(still, 1.0, n)), x, c)

    def geodesic_flow(self, t: Scalar, v: Vector, x: Vector, c: Scalar) -> tuple[Vector, Vector]:
        """The point exp_x(t v), and v transported there: what moves a point along its own momentum.

        Args: t: scalar; v: tangent at x, shape (ambient_dim(dim),); x: point, same shape; c: scalar.
        Returns: point and tangent there, shape (ambient_dim(dim),) each; the tangent is the velocity at time t of the
        geodesic with velocity v at x. Accuracy: that of `expmap` and `ptransp`.
        """
        y = self.expmap(t * v, x, c)
        return y, self.ptransp(v, x, y, c)

    def tangent_norm(self, v: Vector, x: Vector, c: Scalar) -> Scalar:
        """Riemannian norm of v at x; gradient 0 at v = 0."""
        return safe_sqrt(self.tangent_inner(v, v, x, c))

    # Points to start from --------------------------------------------------------------------------------------------

    def create_origin(self, c: Any, dim: int) -> jax.Array:
        """The origin of the `dim`-dimensional manifold, shape `(ambient_dim(dim),)`.

        Args:
            c: curvature magnitude, scalar.
            dim: dimension of the manifold, a Python int.

        Raises:
            ValueError: `dim` below 1, or a concrete c outside the domain.
        """
        where = f"{type(self).__name__}.create_origin"
        dim = _checks.positive_int(where, "dim", dim)
        if in_scope():
            return self._origin(c, dim)
        dtype = self._default_dtype(None, where)
        return self._origin(self._curvature(where, c, dtype), dim).astype(dtype)

    def random_point(self, key: jax.Array, dim: int, c: Any, *, std: Any = 1.0, dtype: Any = None) -> jax.Array:
        """A point exp_0(u) with u normal in an orthonormal frame at the origin (a wrapped normal), scale `std`.

        Args:
            key: a JAX PRNG key.
            dim: dimension of the manifold, a Python int.
            c: curvature magnitude, scalar.
            std: standard deviation of every component of u, in the unit of distance.
            dtype: of the result; None is the manifold's, or JAX's default.

        Returns:
            A point, shape `(ambient_dim(dim),)`.
        """
        where = f"{type(self).__name__}.random_point"
        dim = _checks.positive_int(where, "dim", dim)
        dtype = self._default_dtype(dtype, where)
        u = jax.random.normal(key, (dim,), dtype) * _checks.scalar(where, "std", std, dtype)
        return self.expmap_0(self._frame_at_origin(u, self._curvature(where, c, dtype)), c)

    # What the door asks -----------------------------------------------------------------------------------------------

    def _curvature(self, where: str, c: Any, dtype: np.dtype) -> jax.Array:
        """`c` as the methods receive it; a concrete value outside the domain raises."""
        return _checks.curvature(where, self.curvature_domain, c, dtype)

    def _positive(self, c: jax.Array) -> jax.Array | None:
        """What must be positive in c, reported under `checkify`; None where nothing must."""
        return c if self.curvature_domain == "positive" else None

    def _sizes(self) -> dict[str, tuple[int, str]]:
        """Sizes that the manifold fixes for dimension names of the annotations, each with the reason it gives."""
        return {}

    def _default_dtype(self, dtype: Any, where: str) -> np.dtype:
        if dtype is not None:
            return _checks.result_dtype(where, dtype)
        return np.dtype(self.dtype or jnp.zeros(()).dtype)


def _install_doors(cls: type) -> None:
    for name, member in list(vars(cls).items()):
        if callable(member) and not name.startswith("_") and has_arrays(member):
            abstract = getattr(member, "__isabstractmethod__", False)
            if not abstract:
                setattr(cls, name, door(member))


_install_doors(Manifold)

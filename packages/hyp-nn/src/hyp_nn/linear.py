"""Linear layers that exist on every model: HNN (Möbius), HNN++ (hyperplanes) and Busemann (horospheres)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from flax import nnx
from hyp_manifolds import Manifold
from jax import lax
from jaxtyping import Array, Float

from hyp_nn import _checks, initialisers
from hyp_nn._affine import affine
from hyp_nn._layer import INPUT_SPACES, enter, read, to_manifold
from hyp_nn._numerics import sinh_scaled
from hyp_nn._rows import rows
from hyp_nn._scores import BusemannScores, PlaneScores
from hyp_nn._sheet import HYPERBOLIC, exp_0, frame_factor, from_sheet, tangent_coords
from hyp_nn.params import ManifoldParam


class HypLinear(nnx.Module):
    """Linear layer of hyperbolic neural networks, exp_0(W log_0 x) (+) b, on every model of constant curvature.

    Args:
        manifold: any model but a product.
        in_dim: dimension of the points that come in.
        out_dim: dimension of the points that go out.
        rngs: source of the kernel (stream `params`).
        input_space: "manifold", or "tangent" for tangents at the origin, which skip the logarithm.
        use_bias: whether to add b.
        kernel_init: initialiser of the kernel.
        matmul_dtype: dtype to which the factors of the matrix product are rounded, None for the inputs'.
        param_dtype: floating dtype of the parameters.

    Attributes:
        kernel: W, shape (in_dim, out_dim), acts on the coordinates of the tangent at the origin.
        bias: b, a `ManifoldParam` of shape (ambient_dim(out_dim),) at unit curvature, the origin at first; on models
            whose c may change its sign a tangent at the origin, shape (out_dim,); None without bias.

    Raises:
        TypeError, ValueError: wrong manifold or sizes.

    Source: Ganea, Becigneul and Hofmann, Hyperbolic Neural Networks, 2018, Eq. 27 and Sec. 3.2.

    Example:
        >>> import jax.numpy as jnp
        >>> from flax import nnx
        >>> from hyp_manifolds import Poincare
        >>> from hyp_nn import HypLinear
        >>> layer = HypLinear(Poincare(), 4, 2, rngs=nnx.Rngs(0))
        >>> print(layer(jnp.full((3, 5, 4), 0.1), c=0.5).shape)
        (3, 5, 2)
    """

    models: ClassVar[tuple[type[Manifold], ...] | None] = None

    def __init__(
        self,
        manifold: Manifold,
        in_dim: int,
        out_dim: int,
        *,
        rngs: nnx.Rngs,
        input_space: str = "manifold",
        use_bias: bool = True,
        kernel_init: initialisers.Initialiser | None = None,
        matmul_dtype: Any = None,
        param_dtype: Any = jnp.float32,
    ) -> None:
        owner = type(self).__name__
        _checks.check_model(manifold, owner, self.models)
        _checks.check_choice(owner, "input_space", input_space, INPUT_SPACES)
        self.manifold = manifold
        self.in_dim = _checks.size(owner, "in_dim", in_dim)
        self.out_dim = _checks.size(owner, "out_dim", out_dim)
        self.input_space = input_space
        self.matmul_dtype = matmul_dtype
        init = kernel_init or initialisers.radius_preserving()
        self.kernel = nnx.Param(init(rngs.params(), (in_dim, out_dim), param_dtype))
        self.bias = _point_param(manifold, out_dim, param_dtype) if use_bias else None

    def __call__(self, x: Float[Array, "*batch in_coords"], c: Any = 1.0) -> Float[Array, "*batch out_coords"]:
        """Points of dimension out_dim.

        Args:
            x: points, shape (..., ambient_dim(in_dim)), or tangents at the origin.
            c: curvature magnitude, scalar in the manifold's domain, static or traced.

        Returns:
            Points, shape (..., ambient_dim(out_dim)), in the dtype of x.

        Raises:
            TypeError, ValueError: x of another size or dtype, concrete c outside the domain.
        """
        x, c, dtype = enter(type(self).__name__, self.manifold, x, self.manifold.ambient_dim(self.in_dim), c)
        bias = None if self.bias is None else read(self.bias, x.dtype)
        tangent = self.input_space == "tangent"
        return affine(self.manifold, x, read(self.kernel, x.dtype), bias, c, tangent, self.matmul_dtype).astype(dtype)


class HypLinearPP(nnx.Module):
    """Linear layer whose outputs lie at given signed distances from the coordinate hyperplanes, on hyperbolic models.

    v_k = |z_k| d(x, H_k), H_k the hyperplane at distance r_k from the origin along z_k; the output's spatial part on
    the hyperboloid is sinh(sqrt(c) v_k)/sqrt(c). In the ball this is HNN++, on the hyperboloid PLFC, in the
    proper-velocity model the PV layer: one map in other coordinates. (Lengths in the ball are Riemannian, 2|z| and 2r.)

    Args:
        manifold: a hyperbolic model.
        in_dim: dimension of the points that come in.
        out_dim: dimension of the points that go out.
        rngs: source of the kernel (stream `params`).
        input_space: "manifold" or "tangent" (tangents at the origin).
        inner_activation: Euclidean function of the scores v, None for none.
        v_max: sqrt(c) v is limited to [-v_max, v_max], where its gradient is 0.
        kernel_init: initialiser of the normals.
        matmul_dtype: dtype to which the factors of the matrix product are rounded, None for the inputs'.
        param_dtype: floating dtype of the parameters.

    Attributes:
        kernel: z, shape (in_dim, out_dim), columns are tangents at the origin.
        bias: r, shape (out_dim,).

    Source: Shimizu, Mukuta and Harada, Hyperbolic Neural Networks++, 2021, Sec. 3.2 (ball); Shi et al., Intrinsic
    Lorentz Neural Network, 2026 (hyperboloid); Chen et al., Proper Velocity Neural Networks, 2026, Eq. 22 and 23.
    """

    models: ClassVar[tuple[type[Manifold], ...]] = HYPERBOLIC

    def __init__(
        self,
        manifold: Manifold,
        in_dim: int,
        out_dim: int,
        *,
        rngs: nnx.Rngs,
        input_space: str = "manifold",
        inner_activation: Callable[[jax.Array], jax.Array] | None = None,
        v_max: float = 40.0,
        kernel_init: initialisers.Initialiser | None = None,
        matmul_dtype: Any = None,
        param_dtype: Any = jnp.float32,
    ) -> None:
        owner = type(self).__name__
        _checks.check_model(manifold, owner, self.models)
        _checks.check_choice(owner, "input_space", input_space, INPUT_SPACES)
        _checks.check_positive(owner, "v_max", v_max)
        self.manifold = manifold
        self.in_dim = _checks.size(owner, "in_dim", in_dim)
        self.out_dim = _checks.size(owner, "out_dim", out_dim)
        self.input_space = input_space
        self.inner_activation = inner_activation
        self.v_max = v_max
        init = kernel_init or initialisers.radius_preserving(1 / frame_factor(manifold))
        self.kernel = nnx.Param(init(rngs.params(), (in_dim, out_dim), param_dtype))
        self.bias = nnx.Param(jnp.zeros(out_dim, param_dtype))
        self.matmul_dtype = matmul_dtype

    def __call__(self, x: Float[Array, "*batch in_coords"], c: Any = 1.0) -> Float[Array, "*batch out_coords"]:
        """Points of dimension out_dim; arguments, result and errors as `HypLinear`."""
        x, c, dtype = enter(type(self).__name__, self.manifold, x, self.manifold.ambient_dim(self.in_dim), c)
        x = to_manifold(self.manifold, x, c, self.input_space)
        return self._output(self._scores(x, c), c).astype(dtype)

    def _scores(self, x: jax.Array, c: jax.Array) -> PlaneScores:
        kernel, bias = read(self.kernel, x.dtype), read(self.bias, x.dtype)
        return PlaneScores.of_points(self.manifold, x, kernel, bias, c, self.matmul_dtype)

    def _output(self, scores: PlaneScores, c: jax.Array) -> jax.Array:
        if self.inner_activation is None:
            # XLA would compute the sinh twice, for the length of the row and for the row.
            w = lax.optimization_barrier(sinh_scaled(scores.norm, scores.sine, self.v_max))
        else:
            v = self.inner_activation(scores.value(c))
            w = jnp.sinh(jnp.clip(jnp.sqrt(c) * v, -self.v_max, self.v_max))
        return from_sheet(self.manifold, w / jnp.sqrt(c), c)


class HypLinearBusemann(nnx.Module):
    """Linear layer by Busemann functions, on hyperbolic models: u_k = f(-alpha_k B_k(x) + b_k), spatial part sinh.

    B_k is the Busemann function of the direction of the kernel's column k, alpha_k = exp(log_scale_k), f an activation;
    the output's spatial part on the hyperboloid is sinh(sqrt(c) u)/sqrt(c), in the ball w/(1 + sqrt(1 + c|w|^2)).

    Args:
        manifold: a hyperbolic model.
        in_dim: dimension of the points that come in.
        out_dim: dimension of the points that go out.
        rngs: source of the directions (stream `params`).
        input_space: "manifold" or "tangent" (tangents at the origin).
        activation: f, None for none.
        v_max: sqrt(c) u is limited to [-v_max, v_max], where its gradient is 0.
        use_gyro_bias: whether to add a point, y (+) exp_0(gyro_bias).
        param_dtype: floating dtype of the parameters.

    Attributes:
        kernel: directions, shape (in_dim, out_dim).
        log_scale: log alpha, shape (out_dim,). bias: b, shape (out_dim,).
        gyro_bias: a tangent at the origin, shape (out_dim,), or None.

    Source: Chen, Schölkopf and Sebe, Hyperbolic Busemann Neural Networks, 2026, Theorems 4.1 and 4.2.
    """

    models: ClassVar[tuple[type[Manifold], ...]] = HYPERBOLIC

    def __init__(
        self,
        manifold: Manifold,
        in_dim: int,
        out_dim: int,
        *,
        rngs: nnx.Rngs,
        input_space: str = "manifold",
        activation: Callable[[jax.Array], jax.Array] | None = None,
        v_max: float = 10.0,
        use_gyro_bias: bool = False,
        param_dtype: Any = jnp.float32,
    ) -> None:
        owner = type(self).__name__
        _checks.check_model(manifold, owner, self.models)
        _checks.check_choice(owner, "input_space", input_space, INPUT_SPACES)
        _checks.check_positive(owner, "v_max", v_max)
        self.manifold = manifold
        self.in_dim = _checks.size(owner, "in_dim", in_dim)
        self.out_dim = _checks.size(owner, "out_dim", out_dim)
        self.input_space = input_space
        self.activation = activation
        self.v_max = v_max
        self.scores = BusemannScores(manifold, in_dim, out_dim, rngs=rngs, param_dtype=param_dtype, deep=True)
        self.gyro_bias = nnx.Param(jnp.zeros(out_dim, param_dtype)) if use_gyro_bias else None

    def __call__(self, x: Float[Array, "*batch in_coords"], c: Any = 1.0) -> Float[Array, "*batch out_coords"]:
        """Points of dimension out_dim; arguments, result and errors as `HypLinear`."""
        x, c, dtype = enter(type(self).__name__, self.manifold, x, self.manifold.ambient_dim(self.in_dim), c)
        u = self.scores(to_manifold(self.manifold, x, c, self.input_space), c)
        if self.activation is not None:
            u = self.activation(u)
        w = jnp.sinh(jnp.clip(jnp.sqrt(c) * u, -self.v_max, self.v_max)) / jnp.sqrt(c)
        y = from_sheet(self.manifold, w, c)
        return add_gyro_bias(self.manifold, y, self.gyro_bias, c).astype(dtype)


def add_gyro_bias(manifold: Manifold, y: jax.Array, gyro_bias: nnx.Param[Any] | None, c: jax.Array) -> jax.Array:
    """y (+) exp_0(gyro_bias), or y without one."""
    if gyro_bias is None:
        return y
    point = exp_0(manifold, tangent_coords(manifold, read(gyro_bias, y.dtype)), c)
    return rows(lambda p: manifold.addition(p, point, c), y)


def _point_param(manifold: Manifold, dim: int, dtype: Any) -> nnx.Param[Any]:
    if manifold.curvature_domain == "signed":
        return nnx.Param(jnp.zeros(dim, dtype))
    return ManifoldParam(manifold.create_origin(1.0, dim).astype(dtype), manifold=manifold)


__all__ = ["HypLinear", "HypLinearBusemann", "HypLinearPP"]

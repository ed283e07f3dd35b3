"""Linear layers of the hyperboloid; sizes named features or *_dim count the time coordinate unless said otherwise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from hyp_manifolds import Hyperboloid
from jaxtyping import Array, Float

from hyp_nn import _checks, initialisers
from hyp_nn._layer import INPUT_SPACES, enter, read, to_manifold
from hyp_nn._numerics import dense
from hyp_nn._sheet import lift
from hyp_nn.hyperboloid._sigmoid_time import normalised, time_primary
from hyp_nn.hyperboloid.core import carry, outgoing

Activation = Callable[[jax.Array], jax.Array] | None

_SHEET = Hyperboloid()


def _kernel(key: Any, in_dim: int, out_dim: int, dtype: Any) -> jax.Array:
    """Rows of the space preserve radii; the row of the time starts at 0, since time >= 1/sqrt(c) would push outward."""
    space = initialisers.radius_preserving()(key, (in_dim - 1, out_dim), dtype)
    return jnp.concatenate([jnp.zeros((1, out_dim), dtype), space])


class HTCLinear(nnx.Module):
    """Linear map of the whole point to the spatial part, from curvature c_in to c_out (Hypformer).

    Args:
        in_features: coordinates of the points that come in, time included.
        out_features: spatial coordinates of the points that go out, **without** time.
        rngs: source of the kernel (stream `params`).
        use_bias: whether to add a bias to the spatial part.
        init_bound: None preserves radii; a number draws the kernel from [-init_bound, init_bound].
        eps: not needed; accepted for callers that have one.
        matmul_dtype: dtype to which the factors of the matrix product are rounded, None for the inputs'.
        param_dtype: floating dtype of the parameters.

    Attributes:
        kernel: shape (in_features, out_features), time row first. bias: shape (out_features,) or None.

    Source: Yang et al., Hypformer: Exploring Efficient Hyperbolic Transformer Fully in Hyperbolic Space, 2024, Eq. 5-6.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        rngs: nnx.Rngs,
        use_bias: bool = True,
        init_bound: float | None = None,
        eps: float | None = None,
        matmul_dtype: Any = None,
        param_dtype: Any = jnp.float32,
    ) -> None:
        self.in_features = _checks.size("HTCLinear", "in_features", in_features, 2)
        self.out_features = _checks.size("HTCLinear", "out_features", out_features)
        self.matmul_dtype = matmul_dtype
        if init_bound is None:
            kernel = _kernel(rngs.params(), in_features, out_features, param_dtype)
        else:
            kernel = initialisers.uniform(init_bound)(rngs.params(), (in_features, out_features), param_dtype)
        self.kernel = nnx.Param(kernel)
        self.bias = nnx.Param(jnp.zeros(out_features, param_dtype)) if use_bias else None

    def __call__(
        self, x: Float[Array, "*batch in_features"], c_in: Any = 1.0, c_out: Any = None
    ) -> Float[Array, "*batch out_ambient"]:
        """Points of curvature c_out.

        Args:
            x: points of curvature c_in, shape (..., in_features).
            c_in: curvature magnitude of x, scalar > 0.
            c_out: curvature magnitude of the result, scalar > 0; c_in if None.

        Returns:
            Points, shape (..., out_features + 1), in the dtype of x.

        Raises:
            TypeError, ValueError: x of another size or dtype, concrete curvatures <= 0.
        """
        x, c_in, dtype = enter("HTCLinear", _SHEET, x, self.in_features, c_in)
        s = dense(x, read(self.kernel, x.dtype), self.matmul_dtype)
        if self.bias is not None:
            s = s + read(self.bias, x.dtype)
        return carry(s, c_in, outgoing("HTCLinear", c_out, c_in)).astype(dtype)


class _AmbientLinear(nnx.Module):
    """What the linear layers with ambient counts share: sizes, checks, the way in."""

    def _set_up(self, manifold: Hyperboloid, in_dim: int, out_dim: int, input_space: str) -> None:
        owner = type(self).__name__
        _checks.check_model(manifold, owner, (Hyperboloid,))
        _checks.check_choice(owner, "input_space", input_space, INPUT_SPACES)
        self.manifold = manifold
        self.in_dim = _checks.size(owner, "in_dim", in_dim, 2)
        self.out_dim = _checks.size(owner, "out_dim", out_dim, 2)
        self.input_space = input_space

    def _enter(self, x: Any, c: Any) -> tuple[jax.Array, jax.Array, Any]:
        x, c, dtype = enter(type(self).__name__, self.manifold, x, self.in_dim, c)
        return to_manifold(self.manifold, x, c, self.input_space), c, dtype


class HypLinearHyperboloidFHCNN(_AmbientLinear):
    """Lorentz fully connected layer: spatial part W f(x) + b, time from it (Bdeir et al.).

    With `normalize`, the spatial part has the length e^s sigmoid(w_0 f(x) + b_0) and the direction of W f(x) + b.

    Args:
        manifold: `Hyperboloid()`.
        in_dim: coordinates of the points that come in, time included.
        out_dim: coordinates of the points that go out, time included.
        rngs: source of the kernel (stream `params`).
        input_space: "manifold" or "tangent" (tangents at the origin).
        init_scale: s at first.
        learnable_scale: whether s is a parameter.
        eps: not needed; accepted for callers that have one.
        activation: f, acts on all coordinates; None for none.
        normalize: whether lengths are set by a sigmoid.
        matmul_dtype: dtype to which the factors of the matrix product are rounded, None for the inputs'.
        param_dtype: floating dtype of the parameters.

    Attributes:
        kernel: shape (in_dim, out_dim - 1), with `normalize` (in_dim, out_dim), w_0 its first column.
        bias: shape (out_dim - 1,) or (out_dim,). scale: s, a parameter only if `learnable_scale`.

    Source: Bdeir, Schwethelm and Landwehr 2024, Sec. 4; Chen et al., Fully Hyperbolic Neural Networks, 2022, Eq. 3.
    """

    def __init__(
        self,
        manifold: Hyperboloid,
        in_dim: int,
        out_dim: int,
        *,
        rngs: nnx.Rngs,
        input_space: str = "manifold",
        init_scale: float = 2.3,
        learnable_scale: bool = False,
        eps: float | None = None,
        activation: Activation = None,
        normalize: bool = False,
        matmul_dtype: Any = None,
        param_dtype: Any = jnp.float32,
    ) -> None:
        self._set_up(manifold, in_dim, out_dim, input_space)
        self.activation, self.normalize, self.matmul_dtype = activation, normalize, matmul_dtype
        columns = out_dim if normalize else out_dim - 1
        self.kernel = nnx.Param(_kernel(rngs.params(), in_dim, columns, param_dtype))
        self.bias = nnx.Param(jnp.zeros(columns, param_dtype))
        self.init_scale = init_scale
        self.scale = nnx.Param(jnp.asarray(init_scale, param_dtype)) if normalize and learnable_scale else None

    def __call__(self, x: Float[Array, "*batch in_dim"], c: Any = 1.0) -> Float[Array, "*batch out_dim"]:
        """Points.

        Args:
            x: points, shape (..., in_dim), or tangents at the origin.
            c: curvature magnitude, scalar > 0, static or traced.

        Returns:
            Points, shape (..., out_dim), in the dtype of x.

        Raises:
            TypeError, ValueError: x of another size or dtype, concrete c <= 0.
        """
        x, c, dtype = self._enter(x, c)
        if self.activation is not None:
            x = self.activation(x)
        y = dense(x, read(self.kernel, x.dtype), self.matmul_dtype) + read(self.bias, x.dtype)
        if self.normalize:
            scale = jnp.asarray(self.init_scale, x.dtype) if self.scale is None else read(self.scale, x.dtype)
            y = normalised(y, jnp.exp(scale))
        return lift(y, c).astype(dtype)


class HypLinearHyperboloidFHNN(_AmbientLinear):
    """Fully hyperbolic linear layer: time e^s sigmoid(y_0) + 1/sqrt(c) + eps, spatial part of that point along y_s.

    y = W f(x) + b.

    Args:
        manifold: `Hyperboloid()`.
        in_dim: coordinates of the points that come in, time included.
        out_dim: coordinates of the points that go out, time included.
        rngs: source of the kernel (`params`) and of dropout (`dropout`).
        input_space: "manifold" or "tangent" (tangents at the origin).
        init_scale: s at first.
        eps: least excess of the time coordinate over 1/sqrt(c).
        activation: f, acts on all coordinates; None for none.
        dropout_rate: share of coordinates of f(x) set to 0 in training; None for none.
        matmul_dtype: dtype to which the factors of the matrix product are rounded, None for the inputs'.
        param_dtype: floating dtype of the parameters.

    Attributes:
        kernel: shape (in_dim, out_dim). bias: shape (out_dim,). scale: s, a scalar parameter.

    Source: Chen et al., Fully Hyperbolic Neural Networks, 2022, Eq. 3 and Sec. 3.2.
    """

    def __init__(
        self,
        manifold: Hyperboloid,
        in_dim: int,
        out_dim: int,
        *,
        rngs: nnx.Rngs,
        input_space: str = "manifold",
        init_scale: float = 2.3,
        eps: float = 1e-5,
        activation: Activation = None,
        dropout_rate: float | None = None,
        matmul_dtype: Any = None,
        param_dtype: Any = jnp.float32,
    ) -> None:
        self._set_up(manifold, in_dim, out_dim, input_space)
        _checks.check_positive(type(self).__name__, "eps", eps)
        self.activation, self.matmul_dtype, self.eps = activation, matmul_dtype, eps
        self.kernel = nnx.Param(_kernel(rngs.params(), in_dim, out_dim, param_dtype))
        self.bias = nnx.Param(jnp.zeros(out_dim, param_dtype))
        self.scale = nnx.Param(jnp.asarray(init_scale, param_dtype))
        self.dropout = None if dropout_rate is None else nnx.Dropout(dropout_rate, rngs=rngs)

    def __call__(
        self, x: Float[Array, "*batch in_dim"], c: Any = 1.0, deterministic: bool = True
    ) -> Float[Array, "*batch out_dim"]:
        """Points; `deterministic` switches dropout off. Arguments, result, errors as `HypLinearHyperboloidFHCNN`."""
        x, c, dtype = self._enter(x, c)
        if self.activation is not None:
            x = self.activation(x)
        if self.dropout is not None:
            x = self.dropout(x, deterministic=deterministic)
        y = dense(x, read(self.kernel, x.dtype), self.matmul_dtype) + read(self.bias, x.dtype)
        return time_primary(y, jnp.exp(read(self.scale, x.dtype)), self.eps, c).astype(dtype)


__all__ = ["HTCLinear", "HypLinearHyperboloidFHCNN", "HypLinearHyperboloidFHNN"]

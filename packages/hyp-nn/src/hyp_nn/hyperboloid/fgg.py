"""Fast and geometrically grounded Lorentz layers: one matrix product, whose distances grow linearly."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from hyp_manifolds import Hyperboloid
from jaxtyping import Array, Float

from hyp_nn import _checks, initialisers
from hyp_nn._layer import enter, read
from hyp_nn._numerics import asinh, dense, safe_div, safe_sqrt
from hyp_nn._sheet import lift
from hyp_nn.hyperboloid.core import spacelike

RESETS = ("fan_out", "eye", "xavier", "kaiming", "lorentz_kaiming", "mlr")

_SHEET = Hyperboloid()


def fgg_kernel(reset_params: str, gain: float, key: Any, shape: tuple[int, ...], dtype: Any) -> jax.Array:
    """The kernel U, shape (*window, in_dim, out_dim), by the name of its initialiser."""
    fan_in = 1
    for side in shape[:-1]:
        fan_in *= side
    if reset_params == "fan_out":
        init = initialisers.radius_preserving(gain)
    elif reset_params == "eye":
        init = initialisers.identity(gain)
    else:
        variance = {
            "xavier": 2 / (fan_in + shape[-1]),
            "kaiming": 2 / fan_in,
            "lorentz_kaiming": 1 / (fan_in + 1),
            "mlr": 5 / fan_in,
        }[reset_params]
        init = initialisers.normal(gain * variance**0.5)
    return init(key, shape, dtype)


class FGGWeights(nnx.Module):
    """U and b of FGG layers, U optionally as lengths times directions.

    Attributes:
        kernel: U, shape (*window, in_dim, out_dim). bias: b, shape (out_dim,). scale: lengths of U's columns if
            `use_weight_norm`, shape (out_dim,), else None.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        *,
        rngs: nnx.Rngs,
        reset_params: str,
        use_weight_norm: bool,
        init_bias: float,
        gain: float,
        param_dtype: Any,
    ) -> None:
        kernel = fgg_kernel(reset_params, gain, rngs.params(), shape, param_dtype)
        self.kernel = nnx.Param(kernel)
        self.bias = nnx.Param(jnp.full(shape[-1], init_bias, param_dtype))
        self.scale = nnx.Param(_lengths(kernel)) if use_weight_norm else None

    def __call__(self, dtype: Any, c: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Space rows and time row of V."""
        u = read(self.kernel, dtype)
        if self.scale is not None:
            u = safe_div(u, _lengths(u)) * read(self.scale, dtype)
        return spacelike(u, read(self.bias, dtype), c)


def _lengths(u: jax.Array) -> jax.Array:
    return safe_sqrt(jnp.sum(u * u, tuple(range(u.ndim - 1))))


class FGGLinear(nnx.Module):
    """Lorentz linear layer f(x V), with V the normals of hyperplanes, and the time from that spatial part.

    Each spatial coordinate is |u_k| sinh(sqrt(c) d_k)/sqrt(c) for the signed distance d_k to hyperplane k.

    Args:
        in_features: coordinates of the points that come in, time included.
        out_features: coordinates of the points that go out, time included.
        rngs: source of the kernel (stream `params`).
        activation: Euclidean f; None for none.
        reset_params: initialiser of U, one of "fan_out" (preserves radii), "eye", "xavier", "kaiming",
            "lorentz_kaiming", "mlr".
        use_weight_norm: whether columns of U are lengths times directions.
        init_bias: b at first.
        gain: factor of the initial kernel.
        eps: not needed; accepted for callers that have one.
        matmul_dtype: dtype to which the factors of the matrix product are rounded, None for the inputs'.
        param_dtype: floating dtype of the parameters.

    Attributes:
        weights: holds kernel U (in_features - 1, out_features - 1), bias b (out_features - 1,) and scale.

    Source: Klis et al., Fast and Geometrically Grounded Lorentz Neural Networks, 2026, Eq. 12 and Sec. 4.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        rngs: nnx.Rngs,
        activation: Callable[[jax.Array], jax.Array] | None = None,
        reset_params: str = "fan_out",
        use_weight_norm: bool = False,
        init_bias: float = 0.0,
        gain: float = 1.0,
        eps: float | None = None,
        matmul_dtype: Any = None,
        param_dtype: Any = jnp.float32,
    ) -> None:
        _checks.check_choice("FGGLinear", "reset_params", reset_params, RESETS)
        self.in_features = _checks.size("FGGLinear", "in_features", in_features, 2)
        self.out_features = _checks.size("FGGLinear", "out_features", out_features, 2)
        self.activation, self.matmul_dtype = activation, matmul_dtype
        self.weights = FGGWeights(
            (in_features - 1, out_features - 1),
            rngs=rngs,
            reset_params=reset_params,
            use_weight_norm=use_weight_norm,
            init_bias=init_bias,
            gain=gain,
            param_dtype=param_dtype,
        )

    def __call__(self, x: Float[Array, "*batch in_features"], c: Any = 1.0) -> Float[Array, "*batch out_features"]:
        """Points, shape (..., out_features); arguments, result and errors as `HypLinearHyperboloidFHCNN`."""
        x, c, dtype = enter("FGGLinear", _SHEET, x, self.in_features, c)
        space, time = self.weights(x.dtype, c)
        z = dense(x, jnp.concatenate([time[None], space]), self.matmul_dtype, exact=True)
        return lift(z if self.activation is None else self.activation(z), c).astype(dtype)


class FGGLorentzMLR(nnx.Module):
    """Lorentz regression asinh(sqrt(c) x V)/sqrt(c), scores with the lengths of normals inside the asinh.

    Args:
        in_features: coordinates of the points, time included.
        num_classes: number of scores.
        rngs: source of the normals (stream `params`).
        reset_params: "mlr" (normal, variance 5/in) or "default" (uniform in +-1/sqrt(in)).
        init_bias: b at first.
        eps: not needed; accepted for callers that have one.
        param_dtype: floating dtype of the parameters.

    Attributes:
        kernel: shape (in_features - 1, num_classes). bias: shape (num_classes,).

    Source: Klis et al. 2026, Eq. 23.
    """

    def __init__(
        self,
        in_features: int,
        num_classes: int,
        *,
        rngs: nnx.Rngs,
        reset_params: str = "mlr",
        init_bias: float = 0.5,
        eps: float | None = None,
        param_dtype: Any = jnp.float32,
    ) -> None:
        _checks.check_choice("FGGLorentzMLR", "reset_params", reset_params, ("mlr", "default"))
        self.in_features = _checks.size("FGGLorentzMLR", "in_features", in_features, 2)
        self.num_classes = _checks.size("FGGLorentzMLR", "num_classes", num_classes)
        dim = in_features - 1
        init = initialisers.normal((5 / dim) ** 0.5) if reset_params == "mlr" else initialisers.uniform(dim**-0.5)
        self.kernel = nnx.Param(init(rngs.params(), (dim, num_classes), param_dtype))
        self.bias = nnx.Param(jnp.full(num_classes, init_bias, param_dtype))

    def __call__(self, x: Float[Array, "*batch in_features"], c: Any = 1.0) -> Float[Array, "*batch num_classes"]:
        """Scores, shape (..., num_classes), of points of shape (..., in_features); errors as `FGGLinear`."""
        x, c, dtype = enter("FGGLorentzMLR", _SHEET, x, self.in_features, c)
        space, time = spacelike(read(self.kernel, x.dtype), read(self.bias, x.dtype), c)
        products = dense(x, jnp.concatenate([time[None], space]), exact=True)
        return (asinh(jnp.sqrt(c) * products) / jnp.sqrt(c)).astype(dtype)


__all__ = ["FGGLinear", "FGGLorentzMLR"]

"""`Curvature`: a learnable curvature."""

from __future__ import annotations

from typing import Any, Literal

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Bool, Float

from hyp_nn import _checks

Parametrization = Literal["softplus", "log", "signed"]

_OWNER = "Curvature"


class Curvature(nnx.Module):
    """A learnable curvature magnitude c, one number or one for every factor of a product.

    The raw parameter is a Euclidean `nnx.Param`; `self()` is the curvature, c = softplus(raw) or exp(raw), both
    positive, or raw itself ("signed", for `Stereographic`), clamped to `bounds`. Pass it where a layer takes c:

        self.curvature = Curvature(1.0)
        y = self.layer(x, c=self.curvature())

    The points of a `ManifoldParam` are stored at unit curvature, so they stay on their manifold whatever c does.

    A c on its bound has gradient 0 where the step would lead further out and its own where it would lead back, so
    that it can leave again; `on_bound()` reports it.

    Args:
        initial: the curvature at the start, a number or one per factor, inside `bounds`.
        parametrization: "softplus", "log" or "signed".
        bounds: (lowest, highest) curvature; None is (1e-4, 1e4), signed (-1e4, 1e4).
        trainable: False keeps it out of `nnx.Param`, so that no optimizer moves it.
        param_dtype: floating dtype of the raw parameter.

    Attributes:
        raw: the parameter, an `nnx.Param` (or `nnx.Variable` where it is not trainable).

    Raises:
        TypeError, ValueError: an unknown parametrization, bounds that are not increasing or not positive where c must
            be, or an initial value outside them.

    Example:
        >>> from hyp_nn import Curvature
        >>> curvature = Curvature(0.5, bounds=(0.1, 10.0))
        >>> print(f"{curvature():.3f}", bool(curvature.on_bound()))
        0.500 False
    """

    def __init__(
        self,
        initial: Any = 1.0,
        *,
        parametrization: Parametrization = "softplus",
        bounds: tuple[float, float] | None = None,
        trainable: bool = True,
        param_dtype: Any = jnp.float32,
    ) -> None:
        if parametrization not in ("softplus", "log", "signed"):
            raise ValueError(
                f"{_OWNER}: parametrization must be 'softplus', 'log' or 'signed', got {parametrization!r}."
            )
        low, high = bounds if bounds is not None else ((-1e4 if parametrization == "signed" else 1e-4), 1e4)
        _checks.check_bounds(low, high, _OWNER, positive=parametrization != "signed")
        value = jnp.asarray(initial, param_dtype)
        _checks.check_initial_curvature(value, low, high, _OWNER)
        self.parametrization = parametrization
        self.bounds = (float(low), float(high))
        # A strong dtype: a weakly typed array becomes strong in the first step, and everything is traced again.
        raw = jnp.array(_raw(value, parametrization), dtype=param_dtype)
        self.raw = nnx.Param(raw) if trainable else nnx.Variable(raw)

    def __call__(self) -> Float[Array, "..."]:
        """Returns the curvature, in the dtype of the parameter, within the bounds."""
        return _clamped(_curvature(self.raw[...], self.parametrization), *self.bounds)

    def on_bound(self) -> Bool[Array, "..."]:
        """Returns whether the curvature sits on one of its bounds, where it is clamped; one flag per number."""
        c = _curvature(self.raw[...], self.parametrization)
        low, high = (jnp.asarray(b, c.dtype) for b in self.bounds)
        return (c <= low) | (c >= high)


def _raw(c: Array, parametrization: str) -> Array:
    if parametrization == "signed":
        return c
    if parametrization == "log":
        return jnp.log(c)
    # c + log(1 - exp(-c)): log(exp(c) - 1) overflows, and cancels for small c.
    return c + jnp.log(-jnp.expm1(-c))


def _curvature(raw: Array, parametrization: str) -> Array:
    if parametrization == "signed":
        return raw
    return jnp.exp(raw) if parametrization == "log" else jax.nn.softplus(raw)


@jax.custom_vjp
def _clamped(c: Array, low: float, high: float) -> Array:
    return jnp.clip(c, low, high).astype(c.dtype)


def _clamped_forward(c: Array, low: float, high: float) -> tuple[Array, Any]:
    return _clamped(c, low, high), (c <= jnp.asarray(low, c.dtype), c >= jnp.asarray(high, c.dtype))


def _clamped_backward(residuals: Any, cotangent: Array) -> tuple[Array, None, None]:
    # Hazard: a clip's gradient is 0 outside, and a curvature that has crossed its bound never returns. Cure: the
    # gradient passes where descent leads back inside.
    below, above = residuals
    stuck = (below & (cotangent > 0)) | (above & (cotangent < 0))
    return jnp.where(stuck, 0, cotangent), None, None


_clamped.defvjp(_clamped_forward, _clamped_backward)

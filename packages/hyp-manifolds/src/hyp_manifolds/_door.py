"""Wraps every method of every manifold, once: checks, one dtype, one trace per kind of input, local float64.

The wrapper reads the method's jaxtyping annotations: `Float[Array, "dim"]` is one point, `"*batch dim"` any leading
shape, `Float[Array, ""]` a scalar. Everything else (version_idx) is static. What `c` may be, and which sizes are fixed,
the manifold says (`_curvature`, `_sizes`): a product takes one c per factor.
"""

import functools
import inspect
import typing
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from hyp_manifolds import _checks
from hyp_manifolds._numerics import apart, in_scope, widening
from hyp_manifolds._numerics.scope import Scope
from hyp_manifolds.reports import reporting

# Parameters that hold points, which `checkify` can ask to lie on the manifold.
_POINT_NAMES = ("x", "y")


def _dims(annotation: Any) -> tuple[str, ...] | None:
    """The dimension names of a jaxtyping annotation, None for anything else."""
    for part in (annotation, *typing.get_args(annotation)):  # X, or X | None
        text = getattr(part, "dim_str", None)
        if text is not None:
            return tuple(text.split())
    return None


def _in_empty_batch(a: Any) -> bool:
    """Whether vmap is mapping `a` over an axis of length 0, where JAX cannot batch a `checkify` report."""
    value: Any = a
    while isinstance(value, Tracer):
        inner: Any = getattr(value, "primal", getattr(value, "val", None))
        axis = getattr(value, "batch_dim", None)
        if axis is not None and inner.shape[axis] == 0:
            return True
        value = inner
    return False


def has_arrays(method: Callable[..., Any]) -> bool:
    """Whether a method takes array arguments, by its annotations."""
    return any(_dims(p.annotation) is not None for p in inspect.signature(method).parameters.values())


def door(method: Callable[..., Any]) -> Callable[..., Any]:
    """The public form of a method (its first parameter is the manifold) that is written on float64 vectors."""
    signature = inspect.signature(method)
    dims = {n: d for n, p in signature.parameters.items() if (d := _dims(p.annotation)) is not None}
    vectors = [n for n, d in dims.items() if d]
    points = [n for n in vectors if n in _POINT_NAMES and len(dims[n]) == 1]
    scalars = [n for n, d in dims.items() if not d]
    static = [n for n in signature.parameters if n != "self" and n not in dims]
    name = method.__name__.lstrip("_")  # functions of a module go through the door under a private name

    def run(self: Any, scope: Scope, settings: tuple[Any, ...], report: bool, arrays: dict[str, jax.Array]) -> Any:
        where = f"{type(self).__name__}.{name}"
        positive = self._positive(arrays["c"]) if report and "c" in arrays else None
        if positive is not None:
            _checks.debug_positive(where, positive)
            for n in points:
                margin = widening(self._margin, scope, arrays[n], arrays["c"])
                if margin is not None:
                    _checks.debug_inside(where, n, margin > 0)
        fn = functools.partial(method, self, **dict(zip(static, settings, strict=True)))
        out = widening(lambda *values: fn(**dict(zip(arrays, values, strict=True))), scope, *arrays.values())
        return jax.tree.map(lambda a: apart(a) if a.ndim and jnp.issubdtype(a.dtype, jnp.floating) else a, out)

    run.__name__ = name  # what profilers and compilation logs show
    jitted = jax.jit(run, static_argnames=("self", "scope", "settings", "report"), inline=True)

    @functools.wraps(method)
    def public(self: Any, *args: Any, **kwargs: Any) -> Any:
        if in_scope():  # a method used by another method: already checked, already float64
            return method(self, *args, **kwargs)
        where = f"{type(self).__name__}.{name}"
        bound = signature.bind(self, *args, **kwargs)
        bound.apply_defaults()
        given = bound.arguments
        arrays = {n: _checks.floating_array(where, n, given[n], self.dtype) for n in vectors}
        _checks.shapes(where, {n: (a, dims[n]) for n, a in arrays.items()}, self._sizes())
        dtype = _checks.common_dtype(where, arrays)
        compute = dtype if dtype == np.float64 else np.dtype(np.float32)
        for n in scalars:
            if given[n] is None:
                continue
            if n == "c":
                arrays[n] = self._curvature(where, given[n], compute)
            else:
                arrays[n] = _checks.scalar(where, n, given[n], compute)
        settings = tuple(
            _checks.version(where, given[n], self.versions) if n == "version_idx" else given[n] for n in static
        )
        report = reporting() and not any(_in_empty_batch(a) for a in arrays.values())
        return jitted(self, Scope(dtype, compute), settings, report, arrays)

    return public

"""The door of every method: what may come in, checked once, with the cure in the message.

All checks are on static facts (rank, shape, dtype) or on concrete values, so they cost nothing after tracing.
"""

import operator
from collections.abc import Sequence
from typing import Any

import chex
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from hyp_manifolds.reports import debug_check

CURVATURE_DOMAINS = ("positive", "signed", "ignored")


def floating_array(where: str, name: str, value: Any, dtype: np.dtype | None) -> jax.Array:
    """`value` as a JAX array of its own floating dtype, or of `dtype` where the manifold has one."""
    if not isinstance(value, (jax.Array, np.ndarray)) and hasattr(value, "__jax_array__"):
        value = value.__jax_array__()
    if not isinstance(value, (jax.Array, np.ndarray, np.generic)):
        raise TypeError(f"{where}: `{name}` must be an array, got {type(value).__name__}. Use jnp.asarray(...).")
    chex.assert_type(
        [value],
        [float],
        exception_type=TypeError,
        include_default_message=False,
        custom_message=f"{where}: `{name}` must have a floating dtype, got {value.dtype}. Convert it first, for "
        f"example with jnp.asarray({name}, jnp.float32).",
    )
    if dtype is not None:
        return jnp.asarray(value, dtype)
    if value.dtype == np.float64 and not jax.config.read("jax_enable_x64") and not isinstance(value, jax.Array):
        raise TypeError(
            f"{where}: `{name}` is a NumPy float64 array while JAX's 64-bit mode is off, and would silently become "
            f"float32. Convert it with {name}.astype(np.float32), or switch on jax_enable_x64."
        )
    return jnp.asarray(value)


def shapes(
    where: str, arrays: dict[str, tuple[jax.Array, tuple[str, ...]]], sizes: dict[str, tuple[int, str]] | None = None
) -> None:
    """Ranks and named dimensions of all arrays against their annotations, and against `sizes` known beforehand."""
    known = dict(sizes or {})
    for name, (value, dims) in arrays.items():
        batched = bool(dims) and dims[0].startswith("*")
        core = dims[1:] if batched else dims
        if batched:
            ok = value.ndim >= len(core)
            text = f"{where}: `{name}` must have shape (..., {', '.join(core)}), got {value.shape}."
            chex.assert_equal(ok, True, exception_type=ValueError, include_default_message=False, custom_message=text)
        else:
            hint = " Methods take single points: batch them with jax.vmap." if value.ndim > len(core) else ""
            chex.assert_rank(
                value,
                len(core),
                exception_type=ValueError,
                include_default_message=False,
                custom_message=f"{where}: `{name}` must have rank {len(core)}, shape ({', '.join(core)}), "
                f"got shape {value.shape}.{hint}",
            )
        for dim, size in zip(core, value.shape[value.ndim - len(core) :], strict=True):
            _bind(where, name, dim, size, known)


def _bind(where: str, name: str, dim: str, size: int, known: dict[str, tuple[int, str]]) -> None:
    base, minus, offset = dim.partition("-")
    expected = size + int(offset) if minus else size
    least = 2 if base == "ambient" else 1
    if base in ("dim", "ambient") and expected < least:
        raise ValueError(f"{where}: `{name}` has {size} coordinates, expected at least {least}.")
    if base.isdigit():
        first, by = int(base), "the signature"
    else:
        first, by = known.setdefault(base, (expected, name))
    chex.assert_equal(
        first,
        expected,
        exception_type=ValueError,
        include_default_message=False,
        custom_message=f"{where}: `{name}` has {size} in dimension `{dim}`, but `{by}` makes that "
        f"{first - int(offset) if minus else first}.",
    )


def common_dtype(where: str, arrays: dict[str, jax.Array]) -> np.dtype:
    """The one dtype of all arrays; mixing would silently pick one."""
    dtypes = {name: a.dtype for name, a in arrays.items()}
    if len(set(dtypes.values())) > 1:
        found = ", ".join(f"`{n}` {d}" for n, d in dtypes.items())
        raise TypeError(f"{where}: arrays must share one dtype, got {found}. Cast them, or set the manifold's dtype.")
    return np.dtype(next(iter(dtypes.values())))


def scalar(where: str, name: str, value: Any, dtype: np.dtype) -> jax.Array:
    """A real scalar (Python number, NumPy or JAX scalar, traced or not) in `dtype`."""
    if not isinstance(value, jax.Array) and hasattr(value, "__jax_array__"):
        value = value.__jax_array__()
    shape, kind = np.shape(value), jnp.result_type(value)
    if not _is_real(kind):
        raise TypeError(f"{where}: `{name}` must be a real number, got {kind}.")
    if shape != ():
        hint = " Map over it with jax.vmap." if len(shape) == 1 else ""
        raise ValueError(f"{where}: `{name}` must be a scalar, got shape {shape}.{hint}")
    return jnp.asarray(value, dtype)


def curvature(where: str, domain: str, value: Any, dtype: np.dtype) -> jax.Array:
    """`c` as a strongly typed scalar; a concrete value outside the class's domain raises."""
    c = scalar(where, "c", value, dtype)
    if domain != "ignored" and not isinstance(c, Tracer):
        number = float(np.asarray(c))  # bool(c > 0) of a concrete array fails inside a trace; NumPy does not trace
        if not _in_domain(number, domain):
            expected = "a finite number" if domain == "signed" else "positive and finite (sectional curvature is -c)"
            raise ValueError(f"{where}: `c` must be {expected}, got {number!r}.")
    return c


def curvatures(where: str, factors: Sequence[tuple[str, str]], value: Any, dtype: np.dtype) -> jax.Array:
    """`c` of a product as a strongly typed scalar or as one value per factor, given as (name, domain)."""
    if isinstance(value, list | tuple):
        value = jnp.stack([scalar(where, f"c[{i}]", v, dtype) for i, v in enumerate(value)]) if value else np.zeros(0)
    elif not isinstance(value, jax.Array) and hasattr(value, "__jax_array__"):
        value = value.__jax_array__()
    shape, names = np.shape(value), " ".join(name for name, _ in factors)
    if shape == ():
        c = scalar(where, "c", value, dtype)
    elif shape == (len(factors),) and _is_real(jnp.result_type(value)):
        c = jnp.asarray(value, dtype)
    else:
        hint = " Map over it with jax.vmap." if len(shape) > 1 else ""
        raise ValueError(
            f"{where}: `c` must be a scalar or hold one number per factor, shape ({len(factors)},) for {names}, got "
            f"{jnp.result_type(value)} of shape {shape}.{hint}"
        )
    if not isinstance(c, Tracer):
        numbers = np.broadcast_to(np.asarray(c), (len(factors),))
        for i, ((name, domain), number) in enumerate(zip(factors, numbers.tolist(), strict=True)):
            if domain != "ignored" and not _in_domain(number, domain):
                expected = "a finite number" if domain == "signed" else "positive and finite"
                raise ValueError(f"{where}: `c` of factor {i} ({name}) must be {expected}, got {number!r}.")
    return c


def _is_real(kind: Any) -> bool:
    return jnp.issubdtype(kind, jnp.floating) or jnp.issubdtype(kind, jnp.integer)  # bool is neither


def _in_domain(number: float, domain: str) -> bool:
    return bool(np.isfinite(number)) and (domain == "signed" or number > 0)


def version(where: str, value: Any, versions: tuple[int, ...]) -> int:
    """`version_idx` as a Python int: it picks a formula while tracing."""
    if isinstance(value, Tracer):
        raise TypeError(
            f"{where}: `version_idx` is traced; it must be a Python int. Mark it static: "
            "jax.jit(..., static_argnames=['version_idx']), in_axes None under jax.vmap."
        )
    try:
        index = operator.index(value)
    except TypeError:
        raise TypeError(f"{where}: `version_idx` must be a Python int, got {type(value).__name__}.") from None
    if isinstance(value, bool) or index not in versions:
        raise ValueError(f"{where}: unknown `version_idx` {value!r}, expected one of {versions}.")
    return index


def positive_int(where: str, name: str, value: Any) -> int:
    """A static size of at least 1."""
    try:
        size = operator.index(value)
    except TypeError:
        raise TypeError(f"{where}: `{name}` must be a Python int, got {type(value).__name__}.") from None
    if isinstance(value, bool) or size < 1:
        raise ValueError(f"{where}: `{name}` must be at least 1, got {value!r}.")
    return size


def result_dtype(where: str, dtype: Any) -> np.dtype:
    """A floating dtype that this JAX configuration can return."""
    canonical = np.dtype(dtype)
    if not jnp.issubdtype(canonical, jnp.floating):
        raise TypeError(f"{where}: `dtype` must be a floating dtype, got {canonical}.")
    if canonical == np.float64 and not jax.config.read("jax_enable_x64"):
        raise ValueError(f"{where}: dtype float64 needs JAX's 64-bit mode (jax_enable_x64).")
    return canonical


def debug_positive(where: str, c: jax.Array) -> None:
    """Report a traced c <= 0 under `checkify`; nothing otherwise."""
    debug_check(c > 0, f"{where}: `c` must be positive, got {{c}}", c=c)


def debug_inside(where: str, name: str, inside: jax.Array) -> None:
    """Report a point off its manifold under `checkify`; nothing otherwise."""
    debug_check(inside, f"{where}: `{name}` lies outside the manifold")

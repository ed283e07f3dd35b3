"""Local float64: every operation computes on float64 vectors, whatever the caller's dtype and x64 setting."""

import contextlib
import contextvars
import functools
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True)
class Scope:
    """What the running operation returns to: `dtype` of the results and of layer matmuls (`compute`)."""

    dtype: np.dtype
    compute: np.dtype

    @property
    def narrow(self) -> bool:
        """Results have at most 24 significant bits, so plain float64 sums are exact enough."""
        return self.compute != np.float64

    @property
    def eps(self) -> float:
        """Spacing of the result's dtype at 1."""
        return float(jnp.finfo(self.dtype).eps)


_SCOPE: contextvars.ContextVar[Scope | None] = contextvars.ContextVar("hyp_manifolds_scope", default=None)


def in_scope() -> bool:
    """Whether an operation is already computing in local float64 (a method called by another method)."""
    return _SCOPE.get() is not None


def scope() -> Scope:
    """The running operation's scope."""
    current = _SCOPE.get()
    if current is None:
        raise RuntimeError("hyp_manifolds: a numerical primitive was called outside an operation")
    return current


@contextlib.contextmanager
def enter(new: Scope) -> Generator[None, None, None]:
    """Computes in local float64, for results as `new` says."""
    token = _SCOPE.set(new)
    try:
        with jax.enable_x64(True):
            yield
    finally:
        _SCOPE.reset(token)


def full_range() -> contextlib.AbstractContextManager[None]:
    """Computes as for float64 results: for formulas whose intermediates leave the range of the caller's dtype."""
    return enter(Scope(np.dtype(np.float64), np.dtype(np.float64)))


def widening(fn: Callable[..., Any], new: Scope, *arrays: Any) -> Any:
    """`fn(*arrays)` computed in local float64; floating results return in `new.dtype`."""

    def narrow(out: Any) -> Any:
        return lax.convert_element_type(out, new.dtype) if jnp.issubdtype(out.dtype, jnp.floating) else out

    with enter(new):
        wide = [None if a is None else lax.convert_element_type(a, np.float64) for a in arrays]
        return jax.tree.map(narrow, fn(*wide))


def in_x64(fn: Callable[P, R]) -> Callable[P, R]:
    """Run a derivative rule in local float64.

    JAX traces custom rules late (scan, remat, grad of jit), when the operation that entered float64 is long gone, and
    would then round their constants to float32.
    """

    @functools.wraps(fn)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        with jax.enable_x64(True):
            return fn(*args, **kwargs)

    return wrapped


def matmul(a: jax.Array, b: jax.Array) -> jax.Array:
    """a @ b in the caller's compute dtype at the highest precision (no TF32, no bfloat16), returned as float64."""
    compute = scope().compute
    a, b = lax.convert_element_type(a, compute), lax.convert_element_type(b, compute)
    return lax.convert_element_type(jnp.matmul(a, b, precision=lax.Precision.HIGHEST), np.float64)


def wide_matmul(a: jax.Array, b: jax.Array) -> jax.Array:
    """a @ b for a matrix a, in float64: for maps that take points, whose coordinates carry e^r of the rounding."""
    return lax.dot_general(a, b, (((a.ndim - 1,), (0,)), ((), ())))

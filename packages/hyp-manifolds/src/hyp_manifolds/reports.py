"""Reports of bad data, such as points off their manifold: made under `checkify`, free of cost elsewhere."""

import functools
from collections.abc import Callable
from typing import Any

import jax
from jax.experimental import checkify as jax_checkify

_REPORTING = jax.make_user_context(default_value=False)


def checkify(fn: Callable[..., Any], errors: Any = jax_checkify.user_checks) -> Callable[..., tuple[Any, Any]]:
    """`jax.experimental.checkify.checkify` of a function whose operations report bad data.

    Operations report a point outside its manifold, a traced c outside its domain, and what else their docstrings name.
    JAX calls a program that holds a check, even one that nobody reads, through Python at each call, 0.1 ms later: so
    there are checks under this function only.

    Args:
        fn: any function, under `jax.jit` or not.
        errors: what is looked for, as for JAX's own; `jax.experimental.checkify.nan_checks` can be added.

    Returns:
        A function of the same arguments that returns (error, result); `error.get()` is None or the first message.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from hyp_manifolds import Poincare, checkify
        >>> error, _ = checkify(jax.jit(Poincare().dist_0))(jnp.array([0.9, 0.9]), 1.0)
        >>> print(error.get().splitlines()[0])
        Poincare.dist_0: `x` lies outside the manifold (`check` failed)
    """
    checked = jax_checkify.checkify(fn, errors)

    @functools.wraps(fn)
    def reporting_fn(*args: Any, **kwargs: Any) -> tuple[Any, Any]:
        with _REPORTING(True):
            return checked(*args, **kwargs)

    return reporting_fn


def reporting() -> bool:
    """Whether `checkify` asks for reports: what an operation's own checks may cost depends on it."""
    return _REPORTING.value


def debug_check(holds: jax.Array, message: str, **values: Any) -> None:
    """Reports `message`, with `values` for the names in its braces, where `holds` is False; nothing elsewhere."""
    if reporting():
        jax_checkify.debug_check(holds, message, **values)

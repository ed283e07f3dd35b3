"""Sums over the last axis of several arrays in one pass over memory, linear, with a transpose and one of that."""

# Rules that JAX calls, whose arrays go without annotations.
# pyright: reportMissingParameterType=false, reportUnknownParameterType=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownLambdaType=false

import jax
import jax.numpy as jnp
from jax import lax
from jax.core import ShapedArray
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir
from jax.sharding import AxisType

from hyp_manifolds._numerics.lanes import sums_by_lanes, sums_in_chunks, variadic_sums
from hyp_manifolds._numerics.scope import in_x64


def row_sums(*terms: jax.Array) -> list[jax.Array]:
    """Sum over the last axis of every array, all of one shape: one pass, and what it reads may be computed in it."""
    if any(on_mesh(t) for t in terms):
        return list(_on_a_mesh(*terms))
    return _row_sums_p.bind(*terms)


def on_mesh(a: jax.Array) -> bool:
    """Whether axes of a mesh are part of the type, whose rules JAX has for its own operations only."""
    return any(kind != AxisType.Auto for kind in jax.typeof(a).sharding.mesh.axis_types)


@jax.custom_jvp
@in_x64
def _on_a_mesh(*terms: jax.Array) -> tuple[jax.Array, ...]:
    return tuple(variadic_sums(terms, -1))


@_on_a_mesh.defjvp
@in_x64
def _(primals, tangents):
    return _on_a_mesh(*primals), tuple(jnp.sum(t, -1) for t in tangents)


# A primitive, because JAX has neither a transpose of a reduction of several arrays nor a way to tell a reduction how
# many rows there are, before all of `vmap` is done.
_row_sums_p = Primitive("hyperbolic_row_sums")
_row_sums_p.multiple_results = True
_row_sums_p.def_abstract_eval(lambda *terms: [ShapedArray(t.shape[:-1], t.dtype) for t in terms])


@_row_sums_p.def_impl
@in_x64
def _on_any_device(*terms: jax.Array) -> list[jax.Array]:
    return variadic_sums(terms, -1)


@in_x64
def _on_cpus(*terms: jax.Array) -> list[jax.Array]:
    return sums_by_lanes(terms)


@in_x64
def _on_one_cpu(*terms: jax.Array) -> list[jax.Array]:
    return sums_in_chunks(terms)  # slices of an axis that is spread over devices would be moved between them


def _lower_for_cpu(ctx, *terms):
    one = getattr(ctx.module_context.axis_context, "num_devices", None) == 1
    return mlir.lower_fun(_on_one_cpu if one else _on_cpus, multiple_results=True)(ctx, *terms)


mlir.register_lowering(_row_sums_p, mlir.lower_fun(_on_any_device, multiple_results=True))
mlir.register_lowering(_row_sums_p, _lower_for_cpu, platform="cpu")


@in_x64
def _jvp(primals, tangents):
    return _row_sums_p.bind(*primals), _row_sums_p.bind(*map(ad.instantiate_zeros, tangents))


@in_x64
def _transpose(cotangents, *terms):
    return [_spread(s, t.aval) if ad.is_undefined_primal(t) else None for s, t in zip(cotangents, terms, strict=True)]


def _spread(s, aval):
    return ad.Zero(aval) if type(s) is ad.Zero else jnp.broadcast_to(jnp.expand_dims(s, -1), aval.shape)


@in_x64
def _batch(terms, dims):
    size = next(t.shape[d] for t, d in zip(terms, dims, strict=True) if d is not None)
    moved = [
        lax.broadcast(t, (size,)) if d is None else jnp.moveaxis(t, d, 0) for t, d in zip(terms, dims, strict=True)
    ]
    return _row_sums_p.bind(*moved), [0] * len(moved)


ad.primitive_jvps[_row_sums_p] = _jvp
ad.primitive_transposes[_row_sums_p] = _transpose
batching.primitive_batchers[_row_sums_p] = _batch

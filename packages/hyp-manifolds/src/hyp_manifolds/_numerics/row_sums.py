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

from hyp_manifolds._numerics.scope import in_x64
from hyp_manifolds._numerics.sums import one_pass_sums


def row_sums(*terms: jax.Array) -> list[jax.Array]:
    """`one_pass_sums` for arrays that may be linear inputs: a variadic reduction cannot be transposed."""
    return _row_sums_p.bind(*terms)


_row_sums_p = Primitive("hyperbolic_row_sums")
_row_sums_p.multiple_results = True
_row_sums_p.def_impl(in_x64(one_pass_sums))
_row_sums_p.def_abstract_eval(lambda *terms: [ShapedArray(t.shape[:-1], t.dtype) for t in terms])
mlir.register_lowering(_row_sums_p, mlir.lower_fun(in_x64(one_pass_sums), multiple_results=True))


@in_x64
def _jvp_of_sums(primals, tangents):
    return _row_sums_p.bind(*primals), _row_sums_p.bind(*map(ad.instantiate_zeros, tangents))


@in_x64
def _transpose_of_sums(cotangents, *terms):
    return [
        s if type(s) is ad.Zero else jnp.broadcast_to(jnp.expand_dims(s, -1), t.aval.shape)
        for s, t in zip(cotangents, terms, strict=True)
    ]


@in_x64
def _batch_of_sums(terms, dims):
    size = next(t.shape[d] for t, d in zip(terms, dims, strict=True) if d is not None)
    moved = [
        lax.broadcast(t, (size,)) if d is None else jnp.moveaxis(t, d, 0) for t, d in zip(terms, dims, strict=True)
    ]
    return _row_sums_p.bind(*moved), [0] * len(moved)


ad.primitive_jvps[_row_sums_p] = _jvp_of_sums
ad.primitive_transposes[_row_sums_p] = _transpose_of_sums
batching.primitive_batchers[_row_sums_p] = _batch_of_sums

"""Linear combinations of vectors with scalar coefficients, whose transpose is one pass over memory.

The combination and the sums of its transpose are primitives, so that they stay linear: under `jax.linear_transpose`,
and in rules that are applied to tangents.
"""

# Helpers of a few lines and rules that JAX calls, whose arrays go without annotations.
# pyright: reportMissingParameterType=false, reportUnknownParameterType=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownLambdaType=false

import jax
import jax.numpy as jnp
from jax import lax
from jax.core import ShapedArray
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from hyp_manifolds._numerics.row_sums import on_mesh, row_sums
from hyp_manifolds._numerics.scope import in_scope, in_x64, scope
from hyp_manifolds._numerics.sums import fence, sum_terms


def combine(*parts: tuple[jax.Array, jax.Array]) -> jax.Array:
    """sum of a x over pairs (scalar a, vector x).

    The scalars are fenced, here and in sums, so that they are computed once a row.
    """
    return fenced_combination(*((fence(a), x) for a, x in parts))


def fenced_combination(*parts: tuple[jax.Array, jax.Array]) -> jax.Array:
    """`combine` for scalars that are fenced already, which tangents have to be by a primal one."""
    scalars, vectors = [a for a, _ in parts], [x for _, x in parts]
    if (in_scope() and not scope().narrow) or any(on_mesh(a) for a in scalars + vectors):
        return _linear_combination(*scalars, *vectors)
    return _combine_p.bind(*scalars, *vectors)


def _linear_combination(*operands: jax.Array) -> jax.Array:
    """The sum for operands a_1 .. a_k, x_1 .. x_k, with leading axes that are broadcast."""
    k = len(operands) // 2
    total, *rest = (
        (jnp.expand_dims(a, -1) if a.ndim else a) * x for a, x in zip(operands[:k], operands[k:], strict=True)
    )
    for term in rest:
        total = total + term
    return total


# JAX's own transpose of a product with a broadcast scalar is a sum of its own for every pair. Hazard: XLA's CPU library
# for sums has every converted or shared operand of such a sum written out in float64, eight bytes a number, which costs
# more than all else. Cure: a primitive whose transpose adds the products of all pairs in one pass, as `dots` does.
_combine_p = Primitive("hyperbolic_combination")
_combine_p.def_impl(_linear_combination)
mlir.register_lowering(_combine_p, mlir.lower_fun(in_x64(_linear_combination), multiple_results=False))


@_combine_p.def_abstract_eval
def _(*operands):
    k = len(operands) // 2
    shape = jnp.broadcast_shapes(*((*a.shape, 1) for a in operands[:k]), *(x.shape for x in operands[k:]))
    return ShapedArray(shape, operands[0].dtype)


@in_x64
def _jvp(primals, tangents):
    k = len(primals) // 2
    scalars, vectors = [], []
    for a, x, da, dx in zip(primals[:k], primals[k:], tangents[:k], tangents[k:], strict=True):
        if type(da) is not ad.Zero:
            scalars, vectors = [*scalars, fence(da, by=a)], [*vectors, x]
        if type(dx) is not ad.Zero:
            scalars, vectors = [*scalars, a], [*vectors, dx]
    return _combine_p.bind(*primals), _combine_p.bind(*scalars, *vectors)


@in_x64
def _transpose(cotangent, *operands):
    if type(cotangent) is ad.Zero:
        return [None] * len(operands)
    k = len(operands) // 2
    scalars, vectors = operands[:k], operands[k:]
    linear = [i for i, a in enumerate(scalars) if ad.is_undefined_primal(a)]
    out: list[jax.Array | None] = [None] * (2 * k)
    products = [cotangent * vectors[i] for i in linear]
    for i, s in zip(linear, row_sums(*products) if products else (), strict=True):
        out[i] = _folded(fence(s, by=lax.index_in_dim(vectors[i], 0, -1, keepdims=False)), scalars[i].aval)
    for i, (a, x) in enumerate(zip(scalars, vectors, strict=True)):
        if ad.is_undefined_primal(x):
            out[k + i] = _folded(_combine_p.bind(a, cotangent), x.aval)
    return out


def _folded(a, aval):
    """Sum over the axes along which an operand was broadcast."""
    axes = tuple(i for i, n in enumerate(aval.shape) if n != a.shape[i])
    return jnp.sum(a, axes, keepdims=True) if axes else a


@in_x64
def _batch(operands, dims):
    moved = [
        lax.expand_dims(a, (0,)) if d is None else jnp.moveaxis(a, d, 0) for a, d in zip(operands, dims, strict=True)
    ]
    return _combine_p.bind(*moved), 0


ad.primitive_jvps[_combine_p] = _jvp
ad.primitive_transposes[_combine_p] = _transpose
batching.primitive_batchers[_combine_p] = _batch


def square_of_sum(x: jax.Array, v: jax.Array, k: jax.Array, xx: jax.Array, xv: jax.Array, vv: jax.Array) -> jax.Array:
    """|x + k v|^2, with the inner products that its derivative is made of: no further pass over memory."""
    return _square_of_sum(x, v, k, xx, xv, vv)


@jax.custom_jvp
@in_x64
def _square_of_sum(x, v, k, xx, xv, vv):
    s = x + k * v
    return sum_terms(s * s)[0]


@_square_of_sum.defjvp
@in_x64
def _(primals, tangents):
    (_, _, k, _, xv, vv), (_, _, dk, dxx, dxv, dvv) = primals, tangents
    return _square_of_sum(*primals), dxx + 2 * k * dxv + k * k * dvv + 2 * dk * (xv + k * vv)

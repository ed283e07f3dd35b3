"""The identity as the last step of an operation: keeps its arithmetic out of sums that a caller takes of the result."""

# Rules that JAX calls, whose arrays go without annotations.
# pyright: reportMissingParameterType=false, reportUnknownParameterType=false, reportUnknownMemberType=false
# pyright: reportUnknownLambdaType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

import jax
import jax.numpy as jnp
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from hyp_manifolds._numerics.scope import in_x64
from hyp_manifolds._numerics.select import select


def apart(x: jax.Array) -> jax.Array:
    """x, as the operand of a sum that a caller may take of it.

    Hazard: XLA's CPU library for sums takes over the arithmetic that its operand came from, and has each scalar of a
    row and each conversion in it written out as a float64 array first. Cure: a selection, which the library does not
    know, and the code generator removes. A primitive, because the identity is linear and a selection is not.
    """
    return _apart_p.bind(x)


def _selected(x):
    return select(x < -jnp.inf, x + x, x)


_apart_p = Primitive("hyperbolic_result")
_apart_p.def_impl(lambda x: x)
_apart_p.def_abstract_eval(lambda x: x)
mlir.register_lowering(_apart_p, mlir.lower_fun(in_x64(_selected), multiple_results=False))
ad.primitive_jvps[_apart_p] = lambda primals, tangents: (apart(*primals), tangents[0])
ad.primitive_transposes[_apart_p] = lambda cotangent, _: [cotangent]
batching.primitive_batchers[_apart_p] = lambda operands, dims: (apart(*operands), dims[0])

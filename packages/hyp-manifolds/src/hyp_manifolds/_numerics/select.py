"""One of two values."""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import ArrayLike

# Hazard: where only the condition of a choice is mapped over an explicit mesh axis, JAX before 0.10.2 does not spread
# two known numbers over the devices, and refuses the choice. Cure: there, one of them depends on the condition.
_NUMBERS_LOSE_SHARDING = jax.__version_info__ < (0, 10, 2)


# Hazard: `jnp.where` is a jitted function, and so a program within the program at every choice, of which an operation
# makes a dozen. Batching, differentiation and lowering treat each by itself: a quarter of the time of lowering.
# Cure: the one operation that is in it. Only operands that have to be broadcast are left to `jnp.where`.
def select(condition: ArrayLike, x: ArrayLike, y: ArrayLike) -> jax.Array:
    """x where the condition holds, else y: `jnp.where`, to the bit."""
    like = next((a for a in (condition, x, y) if np.shape(a)), x)
    shape = np.shape(like)
    if not (_fits(x, shape) and _fits(y, shape)):
        return jnp.where(condition, x, y)
    dtype = jnp.result_type(x, y)

    def operand(a: ArrayLike) -> ArrayLike:
        if np.shape(a) != shape:
            return lax.full_like(like, a, dtype)
        if not isinstance(a, jax.Array):
            return np.asarray(a, dtype)
        return a if a.dtype == dtype else lax.convert_element_type(a, dtype)

    choice = condition if isinstance(condition, jax.Array) else np.asarray(condition)
    first, second = operand(x), operand(y)
    if _NUMBERS_LOSE_SHARDING and not (shape or isinstance(first, jax.Array) or isinstance(second, jax.Array)):
        first = lax.convert_element_type(choice, dtype) * first
    return lax.select_n(choice, second, first)


def _fits(a: ArrayLike, shape: tuple[int, ...]) -> bool:
    """Whether an operand has the shape of the result, or is a known number."""
    return np.shape(a) == shape or not (np.ndim(a) or isinstance(a, jax.Array))

"""One of two values."""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import ArrayLike


# Hazard: `jnp.where` is a jitted function, and so a program within the program at every choice, of which an operation
# makes a dozen. Batching, differentiation and lowering treat each by itself: a quarter of the time of lowering.
# Cure: the one operation that is in it. Only operands that have to be broadcast are left to `jnp.where`.
def select(condition: ArrayLike, x: ArrayLike, y: ArrayLike) -> jax.Array:
    """x where the condition holds, else y: `jnp.where`, to the bit."""
    own, of_x, of_y = np.shape(condition), np.shape(x), np.shape(y)
    shape = own or of_x or of_y
    if not (_fits(x, of_x, shape) and _fits(y, of_y, shape)):
        return jnp.where(condition, x, y)
    dtype = jnp.result_type(x, y)
    like = condition if own else x if of_x else y

    def operand(a: ArrayLike, own: tuple[int, ...]) -> ArrayLike:
        if own != shape:
            return lax.full_like(like, a, dtype)
        if not isinstance(a, jax.Array):
            return np.asarray(a, dtype)
        return a if a.dtype == dtype else lax.convert_element_type(a, dtype)

    no_yes = operand(y, of_y), operand(x, of_x)
    return lax.select_n(condition if isinstance(condition, jax.Array) else np.asarray(condition), *no_yes)


def _fits(a: ArrayLike, own: tuple[int, ...], shape: tuple[int, ...]) -> bool:
    """Whether an operand has the shape of the result, or is a known number."""
    return own == shape or not (own or isinstance(a, jax.Array))

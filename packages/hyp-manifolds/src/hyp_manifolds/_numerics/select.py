"""One of two values."""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import ArrayLike


# Hazard: `jnp.where` is a jitted function, a program within the program at every choice, and an operation here makes a
# dozen of them: batching, differentiation and lowering treat each as a program, which was a quarter of the time of
# lowering and more in compilation than the choice itself. Cure: the one operation that is in it.
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

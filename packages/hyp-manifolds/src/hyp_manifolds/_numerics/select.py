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
    shape = np.shape(x) or np.shape(y)
    like = x if np.shape(x) == shape else y
    if np.shape(condition) not in ((), shape) or any(_is_broadcast(a, shape) for a in (x, y)):
        return jnp.where(condition, x, y)
    dtype = jnp.result_type(x, y)

    def operand(a: ArrayLike) -> ArrayLike:
        if np.shape(a) != shape:
            return lax.full_like(like, a, dtype)
        return lax.convert_element_type(a, dtype) if isinstance(a, jax.Array) else np.asarray(a, dtype)

    choice = condition if isinstance(condition, jax.Array) else np.asarray(condition)
    return lax.select_n(choice, operand(y), operand(x))


def _is_broadcast(a: ArrayLike, shape: tuple[int, ...]) -> bool:
    """Whether an operand has to be given the shape of the other one, and is no number that is known."""
    return np.shape(a) != shape and (np.ndim(a) > 0 or isinstance(a, jax.Array))

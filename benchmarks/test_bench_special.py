"""The special functions that the geometry is made of, beside JAX's: `uv run pytest benchmarks/ --benchmark-only -v`.

Ours are functions of squares or of ratios without a removable singularity, computed in local float64 for float32.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hyp_manifolds._numerics import special, widening
from hyp_manifolds._numerics.scope import Scope

pytestmark = pytest.mark.benchmark(max_time=0.05, min_rounds=5, warmup=False)
SIZE = 100_000
F32 = Scope(np.dtype(np.float32), np.dtype(np.float32))
FUNCTIONS: dict[str, tuple[Callable[[jax.Array], jax.Array], Callable[[jax.Array], jax.Array]]] = {
    "acosh": (lambda x: 2 * jnp.sqrt(special.asinh_sq(0.5 * (x - 1))), jnp.arccosh),
    "asinh": (lambda x: x * special.asinhc(x), jnp.arcsinh),
    "atanh": (lambda x: x * special.asinhc2(x * x / (1 - x * x)) / jnp.sqrt(1 - x * x), jnp.arctanh),
    "tanh": (special.tanh, jnp.tanh),
    "cosh": (lambda x: special.cosh2(x * x), jnp.cosh),
    "sinh": (lambda x: x * special.sinhc2(x * x), jnp.sinh),
}


@pytest.mark.parametrize("whose", ["ours", "jax"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_special(benchmark: Callable, name: str, whose: str) -> None:
    ours, plain = FUNCTIONS[name]
    low, high = {"acosh": (1.0, 9.0), "atanh": (0.0, 0.99)}.get(name, (0.0, 3.0))
    x = jax.random.uniform(jax.random.key(0), (SIZE,), minval=low, maxval=high)
    call = jax.jit(lambda x: widening(ours, F32, x)) if whose == "ours" else jax.jit(plain)
    np.testing.assert_allclose(call(x), plain(x), rtol=1e-4)
    benchmark(lambda: jax.block_until_ready(call(x)))

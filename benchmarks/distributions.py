"""Densities and samples: time and memory beside Hyperbolix where it is installed.

    uv run python benchmarks/distributions.py [--count 10000] [--dim 8] [--rounds 9]

Log density with its gradient by all parameters, and samples, of float32 points on the ball, all contenders in every
round, in turn; ratios are medians over the rounds. Memory is XLA's count of temporaries. Only the wrapped normal with
a diagonal covariance, and the uniform ball, exist on both sides.
"""

import argparse
import importlib.util
import time
from collections.abc import Callable
from typing import Any

from hyp_bench.fair import restart

if __name__ == "__main__":
    restart()  # before JAX is imported

import jax
import jax.numpy as jnp
import numpy as np
from hyp_manifolds import Poincare, RiemannianNormal, UniformBall, WrappedNormal

BALL = Poincare()


def ours(count: int, dim: int) -> dict[str, Callable[..., Any]]:
    """Functions of (key, mean, scales, z)."""
    shape = (count,)
    return {
        "wrapped log_prob": lambda key, m, s, z: jnp.sum(WrappedNormal(BALL, m, 1.0, scale_diag=s).log_prob(z)),
        "wrapped sample": lambda key, m, s, z: WrappedNormal(BALL, m, 1.0, scale_diag=s).sample(key, shape),
        "riemannian log_prob": lambda key, m, s, z: jnp.sum(RiemannianNormal(BALL, m, 1.0, scale=s[0]).log_prob(z)),
        "riemannian sample": lambda key, m, s, z: RiemannianNormal(BALL, m, 1.0, scale=s[0]).sample(key, shape),
        "uniform sample": lambda key, m, s, z: UniformBall(BALL, m, 2.0, 1.0).sample(key, shape),
    }


def theirs(count: int, dim: int) -> dict[str, Callable[..., Any]]:
    """The same of Hyperbolix, where it has them."""
    if importlib.util.find_spec("hyperbolix") is None:
        return {}
    from hyperbolix.distributions import uniform_poincare, wrapped_normal_poincare  # type: ignore[import-not-found]
    from hyperbolix.manifolds import Poincare as Other  # type: ignore[import-not-found]

    other, shape = Other(), (count,)
    wrapped = wrapped_normal_poincare
    return {
        "wrapped log_prob": lambda key, m, s, z: jnp.sum(wrapped.log_prob(z, m, s, 1.0, manifold_module=other)),
        "wrapped sample": lambda key, m, s, z: wrapped.sample(key, m, s, 1.0, shape, manifold_module=other),
        "uniform sample": lambda key, m, s, z: uniform_poincare.sample(
            key, dim, 1.0, 2.0, shape, center=m, manifold_module=other
        ),
    }


def compiled(name: str, f: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    """The density with its gradient by mean, scales and points; the sample alone."""
    if name.endswith("log_prob"):
        f = jax.value_and_grad(f, (1, 2, 3))
    return jax.jit(f).lower(*arguments).compile()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--dim", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    key = jax.random.key(0)
    mean = BALL.random_point(key, options.dim, 1.0, std=0.5)
    scales = jnp.linspace(0.3, 0.6, options.dim)
    z = WrappedNormal(BALL, mean, 1.0, scale_diag=scales).sample(key, (options.count,))
    arguments = (key, mean, scales, z)
    both = {"ours": ours(options.count, options.dim), "Hyperbolix": theirs(options.count, options.dim)}
    print(f"jax {jax.__version__}, {jax.devices()[0].device_kind}, float32, {options.count} points of {options.dim}")
    for name in both["ours"]:
        programs = {who: compiled(name, fs[name], arguments) for who, fs in both.items() if name in fs}
        seconds = {who: np.zeros(options.rounds) for who in programs}
        for r in range(-1, options.rounds):
            for who, program in programs.items():
                start = time.perf_counter()
                jax.block_until_ready(program(*arguments))
                if r >= 0:
                    seconds[who][r] = time.perf_counter() - start
        for who, taken in seconds.items():
            ratio = np.median(taken / seconds["ours"])
            memory = programs[who].memory_analysis().temp_size_in_bytes / 1e6
            print(
                f"{name:22} {who:12} {1e3 * np.median(taken):9.2f} ms   x {ratio:6.2f}   {memory:8.2f} MB", flush=True
            )


if __name__ == "__main__":
    main()

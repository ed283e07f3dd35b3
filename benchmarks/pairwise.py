"""Distances of all pairs of a set: time and memory, beside Hyperbolix where it is installed.

    uv run python benchmarks/pairwise.py [--check] [--n 2000] [--dim 128] [--rounds 7]
    uv run python benchmarks/pairwise.py --growth

Value, and value with gradient of the sum, of float32 points of the ball and the hyperboloid at scaled radius 0.5 to 4,
all contenders in every round, in turn; ratios are medians over the rounds. `near` makes that share of the pairs too
near for the matrix product: they are computed again by differences. Memory is XLA's count of temporaries, without the
result. `--growth` fits exponents of CPU time and memory to n = 1000, 2000, 4000, 8000. `--check` exits with 1 where a
promise is broken: forward at least 3 times (ball) and 18 times (hyperboloid) as fast as Hyperbolix 1.4.0, with gradient
10 times, 50 MB of temporaries; without Hyperbolix only the last.
"""

import argparse
import importlib.util
import itertools
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

from hyp_bench.fair import restart

if __name__ == "__main__":
    restart()  # before JAX is imported

import jax
import jax.numpy as jnp
import numpy as np
from hyp_manifolds import Hyperboloid, Manifold, Poincare, pairwise_dist, pairwise_sum, poincare_to_hyperboloid

PROMISED = {"Poincare": (3.0, 10.0), "Hyperboloid": (18.0, 10.0)}
TEMPORARIES = 50e6


def points(n: int, dim: int, near: float, seed: int = 0) -> np.ndarray:
    """Points of the ball, `near` n of them at a time within rounding of each other."""
    rng = np.random.default_rng(seed)
    u = rng.standard_normal((n, dim))
    u /= np.linalg.norm(u, axis=1, keepdims=True)
    x = np.tanh(rng.uniform(0.5, 4, (n, 1)) / 2) * u
    if near:
        size = max(2, round(near * n))
        for start in range(0, n - size + 1, size):
            x[start : start + size] = x[start] * (1 + 1e-7 * rng.standard_normal((size, 1)))
    return x.astype(np.float32)


def on(manifold: Manifold, x: np.ndarray) -> jax.Array:
    """The same points in a model."""
    ball = jnp.asarray(x)
    return jax.vmap(poincare_to_hyperboloid, (0, None))(ball, 1.0) if isinstance(manifold, Hyperboloid) else ball


def rival(manifold: Manifold) -> Callable[[jax.Array], jax.Array] | None:
    """Hyperbolix's function, if it is there."""
    if importlib.util.find_spec("hyperbolix") is None:
        return None
    from hyperbolix import manifolds  # type: ignore[import-not-found]
    from hyperbolix.utils.helpers import compute_pairwise_distances  # type: ignore[import-not-found]

    model = getattr(manifolds, type(manifold).__name__)()
    return lambda x: compute_pairwise_distances(x, model, 1.0)


def compiled(f: Callable[[jax.Array], jax.Array], x: jax.Array) -> tuple[Any, Any]:
    """The function, and its sum with gradient."""
    both = jax.value_and_grad(lambda x: jnp.sum(f(x)))
    return jax.jit(f).lower(x).compile(), jax.jit(both).lower(x).compile()


def temporaries(program: Any) -> float:
    """Megabytes."""
    return program.memory_analysis().temp_size_in_bytes / 1e6


def rounds_of(programs: Mapping[str, tuple[Any, Any]], x: jax.Array, rounds: int) -> dict[str, np.ndarray]:
    """Seconds (rounds, 2) of each."""
    seconds = {name: np.zeros((rounds, 2)) for name in programs}
    for r in range(-1, rounds):
        for name, pair in programs.items():
            for k, program in enumerate(pair):
                start = time.perf_counter()
                jax.block_until_ready(program(x))
                if r >= 0:
                    seconds[name][r, k] = time.perf_counter() - start
    return seconds


def compare(manifold: Manifold, n: int, dim: int, near: float, rounds: int, *, others: bool) -> list[str]:
    """Prints a table; returns the promises that it breaks."""
    x = on(manifold, points(n, dim, near))
    functions = {"ours": lambda x: pairwise_dist(manifold, x, x, 1.0)}
    if others:
        functions["fast"] = lambda x: pairwise_dist(manifold, x, x, 1.0, mode="fast")
        theirs = rival(manifold)
        if theirs is not None:
            functions["Hyperbolix"] = theirs
    programs = {name: compiled(f, x) for name, f in functions.items()}
    seconds, name, broken = rounds_of(programs, x, rounds), type(manifold).__name__, []
    for other, taken in seconds.items():
        ratio = np.median(taken / seconds["ours"], axis=0)
        ms, memory = 1e3 * np.median(taken, axis=0), [temporaries(p) for p in programs[other]]
        print(
            f"{name:12} near {near:7.2%}  {other:12} {ms[0]:9.1f} ms {ms[1]:9.1f} ms   x {ratio[0]:6.2f} "
            f"{ratio[1]:6.2f}   {memory[0]:8.1f} MB {memory[1]:8.1f} MB",
            flush=True,
        )
        if other == "Hyperbolix":
            broken += [
                f"{name}: {ratio[k]:.1f} times as fast as Hyperbolix {what}, promised {least:g}"
                for k, (what, least) in enumerate(zip(("forward", "with gradient"), PROMISED[name], strict=True))
                if ratio[k] < least
            ]
        if other == "ours" and max(memory) * 1e6 > TEMPORARIES:
            broken.append(f"{name}: {max(memory):.1f} MB of temporaries, promised {TEMPORARIES / 1e6:g}")
    return broken


def growth(dim: int, rounds: int) -> None:
    """Fits time ~ n^a and memory ~ n^b of the sum of all distances with its gradient."""
    ball, sizes = Poincare(), (1000, 2000, 4000, 8000)
    programs, inputs = [], [on(ball, points(n, dim, 0.0)) for n in sizes]
    for x in inputs:
        f = jax.value_and_grad(lambda x: pairwise_sum(ball, lambda d, rows: jnp.sum(d), x, x, 1.0))
        programs.append(jax.jit(f).lower(x).compile())
    seconds = np.zeros((rounds + 1, len(sizes)))
    for r, (k, (x, program)) in itertools.product(range(rounds + 1), enumerate(zip(inputs, programs, strict=True))):
        start = time.process_time()
        jax.block_until_ready(program(x))
        seconds[r, k] = time.process_time() - start
    taken, memory = np.median(seconds[1:], axis=0), [temporaries(p) for p in programs]
    for n, s, m in zip(sizes, taken, memory, strict=True):
        print(f"n {n:6}  {1e3 * s:9.1f} ms  {m:7.1f} MB")
    logs = np.log(np.array([sizes, taken, memory]))
    print(f"time ~ n^{np.polyfit(logs[0], logs[1], 1)[0]:.2f}, memory ~ n^{np.polyfit(logs[0], logs[2], 1)[0]:.2f}")


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=2000)
    parser.add_argument("--dim", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--growth", action="store_true")
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    print(f"jax {jax.__version__}, {jax.devices()[0].device_kind}, float32, dimension {options.dim}, n {options.n}")
    if options.growth:
        growth(options.dim, options.rounds)
        return 0
    broken = []
    for manifold in (Poincare(), Hyperboloid()):
        broken += compare(manifold, options.n, options.dim, 0.0, options.rounds, others=True)
        for near in (0.01, 0.05):
            compare(manifold, options.n, options.dim, near, max(2, options.rounds // 3), others=False)
    print(*broken, sep="\n")
    return 1 if options.check and broken else 0


if __name__ == "__main__":
    sys.exit(main())

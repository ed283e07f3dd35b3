"""Weighted Lorentz centroids: what float32 accuracy costs over the plain float32 matrix product, and what it buys.

    uv run python benchmarks/midpoint.py [--check]

4 sets of 512 points of dimension 64 with 512 rows of weights each. Prints the worst relative error of both against
extended precision at clusters around scaled radius 1, 4 and 8 (spread 0.5), and the time of ours over the time of the
plain form: both run in every round, in turn, one thread, CPU time. On a shared machine single figures scatter by tens
of percent; the ratio within a round does so less.
"""

import argparse
import os
import statistics
import sys
import time

os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ["XLA_FLAGS"] = os.environ.get("XLA_FLAGS", "") + " --xla_cpu_multi_thread_eigen=false"

import jax
import jax.numpy as jnp
import numpy as np
from hyp_manifolds import Hyperboloid, lorentz_centroid

SETS, POINTS, DIM = 4, 512, 64
ERROR, RATIO = 1e-7, 3.0


def naive(points: jax.Array, weights: jax.Array, c: jax.Array) -> jax.Array:
    """sum w x/(sqrt(c) |sum w x|_L) as it stands, in the arrays' dtype."""
    total = jnp.matmul(weights, points, precision=jax.lax.Precision.HIGHEST)
    square = total[..., :1] ** 2 - jnp.sum(total[..., 1:] ** 2, -1, keepdims=True)
    return total / jnp.sqrt(c * jnp.maximum(square, 1e-7))


def accurate(points: jax.Array, weights: jax.Array, c: jax.Array) -> jax.Array:
    """What is measured."""
    return lorentz_centroid(Hyperboloid(), points, weights, c)


def clusters(radius: float, spread: float, seed: int = 0) -> np.ndarray:
    """Points at distance about `spread` from a point at `radius`, float32, c = 1."""
    rng = np.random.default_rng(seed)
    away = rng.standard_normal(DIM)
    away /= np.linalg.norm(away)
    near = rng.standard_normal((SETS, POINTS, DIM)) * (spread / np.sqrt(DIM))
    size = np.linalg.norm(near, axis=-1, keepdims=True)
    near *= np.sinh(size) / size
    along = (np.cosh(radius) - 1) * (near @ away)[..., None] + np.sinh(radius) * np.cosh(size)
    spatial = (near + along * away).astype(np.float32)
    return np.concatenate([times(spatial).astype(np.float32), spatial], -1)


def times(spatial: np.ndarray) -> np.ndarray:
    """The time coordinate over a spatial part, in extended precision where the machine has it."""
    return np.sqrt(1 + np.sum(spatial.astype(np.longdouble) ** 2, -1, keepdims=True))


def reference(points: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The centroid in extended precision, a point being its spatial part."""
    spatial, w = points[..., 1:].astype(np.longdouble), weights.astype(np.longdouble)
    total = np.einsum("bnm,bma->bna", w, np.concatenate([times(spatial), spatial], -1))
    return total / np.sqrt(total[..., :1] ** 2 - np.sum(total[..., 1:] ** 2, -1, keepdims=True))


def error(got: jax.Array, points: np.ndarray, weights: np.ndarray, rows: int = 8) -> float:
    """Worst relative error over the first rows of every set."""
    want = reference(points, weights[:, :rows])
    off = np.linalg.norm(np.asarray(got)[:, :rows] - want, axis=-1)
    return float(np.max(off / np.linalg.norm(want, axis=-1)))


def main() -> int:
    """Runs the measurement and prints it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--check", action="store_true", help=f"exit 1 if an error exceeds {ERROR} or a ratio {RATIO}")
    args = parser.parse_args()
    rng, worst = np.random.default_rng(1), 0.0
    weights = rng.uniform(size=(SETS, POINTS, POINTS)).astype(np.float32)
    forms = {"float32 matmul": jax.jit(naive), "lorentz_centroid": jax.jit(accurate)}
    gradients = {
        name: jax.jit(jax.value_and_grad(lambda p, w, c, f=f: jnp.sum(f(p, w, c)[..., 1:]), (0, 1)))
        for name, f in (("float32 matmul", naive), ("lorentz_centroid", accurate))
    }
    c = jnp.float32(1.0)
    for radius in (1.0, 4.0, 8.0):
        points = clusters(radius, 0.5)
        found = {name: error(f(points, weights, c), points, weights) for name, f in forms.items()}
        worst = max(worst, found["lorentz_centroid"])
        print(f"radius {radius:g}: " + ", ".join(f"{name} {e:.1e}" for name, e in found.items()))
    given, ratios = (jnp.asarray(points), jnp.asarray(weights), c), []
    for label, contenders in (("forward", forms), ("value and gradient", gradients)):
        seconds: dict[str, list[float]] = {name: [] for name in contenders}
        for _ in range(args.rounds + 3):
            for name, f in contenders.items():
                start = time.process_time()
                jax.block_until_ready(f(*given))
                seconds[name].append(time.process_time() - start)
        plain, ours = (s[3:] for s in seconds.values())
        ratios.append(statistics.median(b / a for a, b in zip(plain, ours, strict=True)))
        print(
            f"{label}: float32 matmul {1e3 * statistics.median(plain):.2f} ms, lorentz_centroid "
            f"{1e3 * statistics.median(ours):.2f} ms, ratio {ratios[-1]:.2f}"
        )
    return int(args.check and (worst > ERROR or ratios[0] > RATIO))


if __name__ == "__main__":
    sys.exit(main())

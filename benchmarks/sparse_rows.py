"""Seconds of a donated sparse row update on a short and on a long table: the cost must not see the table's length.

    uv run python benchmarks/sparse_rows.py [--check]

Prints the median seconds per step for each length and their ratio; `--check` exits 1 if the ratio exceeds 2.5.
"""

import argparse
import statistics
import sys
import time

import jax
import jax.numpy as jnp
from hyp_manifolds import Poincare
from hyp_optim import sparse_riemannian_sgd

SHORT, LONG, LIMIT = 10_000, 1_000_000, 2.5


def measure(dim: int, batch: int, rounds: int, steps: int) -> dict[int, float]:
    """Returns the median seconds per step of each table length; lengths take turns, so that drift hits both."""
    tx = sparse_riemannian_sgd(Poincare(), 0.01)
    step = jax.jit(tx.update, donate_argnums=3)
    # The ids are spread over the whole of each table, so the long one also pays for its cache misses.
    unit = jax.random.uniform(jax.random.key(0), (steps, batch))
    row_grads = 1e-3 * jax.random.normal(jax.random.key(1), (batch, dim))
    tables = {n: jnp.full((n, dim), 1e-3) for n in (SHORT, LONG)}
    ids = {n: [jnp.asarray(row) for row in (unit * n).astype(jnp.int32)] for n in tables}
    states = {n: tx.init(table) for n, table in tables.items()}
    seconds: dict[int, list[float]] = {n: [] for n in tables}
    for _ in range(rounds + 1):
        for n in tables:
            start = time.perf_counter()
            for row in ids[n]:
                tables[n], states[n] = step(row_grads, row, states[n], tables[n])
            jax.block_until_ready(tables[n])
            seconds[n].append((time.perf_counter() - start) / steps)
    return {n: statistics.median(s[1:]) for n, s in seconds.items()}


def main() -> int:
    """Runs the measurement and prints it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dim", type=int, default=10)
    parser.add_argument("--batch", type=int, default=512, help="touched rows per step")
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--steps", type=int, default=20, help="steps per round")
    parser.add_argument("--check", action="store_true", help=f"exit 1 if the ratio exceeds {LIMIT}")
    args = parser.parse_args()
    found = measure(args.dim, args.batch, args.rounds, args.steps)
    for n, seconds in found.items():
        print(f"{n:>9,} rows  {1e6 * seconds:8.1f} us per step of {args.batch} rows")
    ratio = found[LONG] / found[SHORT]
    print(f"ratio {ratio:.2f} (limit {LIMIT})")
    return int(args.check and ratio > LIMIT)


if __name__ == "__main__":
    sys.exit(main())

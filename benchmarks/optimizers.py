"""Seconds and memory of optimizer steps: dense and sparse Riemannian Adam beside optax, Hyperbolix and geoopt.

    uv run python benchmarks/optimizers.py [--check] [--rounds 9] [--only dense|sparse]

Dense: one donated step of the whole table, float32, on one core. Sparse: one donated step of 1,000 touched rows of 10
coordinates, spread over tables of 10 thousand to 10 million rows. All contenders run in every round, in turn; times are
medians over the rounds, ratios medians of the ratios within a round. Memory is the largest resident set of a process of
its own that takes three steps, over what it was when the libraries had been imported.

Peers are timed where they are installed: Hyperbolix 1.4.0 (Python 3.12) and geoopt. `--check` exits with 1 where a
promise is broken: dense Adam at least 1.9 times as fast as Hyperbolix and 1.8 times as geoopt, at most 4.5 times the
time of `optax.adam`; sparse Adam at least twice as fast as geoopt's, and at most 2.5 times slower at 10 million rows
than at 10 thousand.
"""

import argparse
import importlib.util
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

from hyp_bench.fair import restart

DENSE = ((1_000_000, 16), (100_000, 10))
LENGTHS, TOUCHED, DIM = (10_000, 100_000, 1_000_000, 10_000_000), 1000, 10
PEER_LENGTHS = LENGTHS[:3]  # geoopt's buffers are as long as the table
LR = 1e-3
PROMISED = {"optax.adam": 1 / 4.5, "Hyperbolix": 1.9, "geoopt": 1.8}
SPARSE_PROMISED, GROWTH = 2.0, 2.5
Step = Callable[[], object]


def table_of(rows: int, dim: int):
    import numpy as np

    rng = np.random.default_rng(0)
    return (0.1 * rng.standard_normal((rows, dim))).astype(np.float32)


def gradient_of(rows: int, dim: int):
    import numpy as np

    return (1e-2 * np.random.default_rng(1).standard_normal((rows, dim))).astype(np.float32)


def ids_of(length: int, step: int):
    import numpy as np

    return np.random.default_rng(step).choice(length, TOUCHED, replace=False)


# Dense steps ----------------------------------------------------------------------------------------------------------


def donated(tx, given, rows: int, dim: int) -> Step:
    """A step of an optax transformation, which is initialised with `given(points)`."""
    import jax
    import jax.numpy as jnp
    import optax

    def step(x, state, g):
        updates, state = tx.update(g, state, x)
        return optax.apply_updates(x, updates), state

    x, g = jnp.asarray(table_of(rows, dim)), jnp.asarray(gradient_of(rows, dim))
    program, state = jax.jit(step, donate_argnums=(0, 1)), tx.init(given(x))

    def run() -> None:
        nonlocal x, state
        x, state = jax.block_until_ready(program(x, state, g))

    return run


def dense_ours(rows: int, dim: int) -> Step:
    from hyp_manifolds import Poincare
    from hyp_optim import riemannian_adam

    return donated(riemannian_adam(LR, manifolds=Poincare()), lambda x: x, rows, dim)


def dense_optax(rows: int, dim: int) -> Step:
    import optax

    return donated(optax.adam(LR), lambda x: x, rows, dim)


def dense_hyperbolix(rows: int, dim: int) -> Step:
    from hyperbolix.manifolds import Poincare
    from hyperbolix.optim import riemannian_adam
    from hyperbolix.optim.manifold_metadata import ManifoldParam

    return donated(riemannian_adam(LR), lambda x: ManifoldParam(x, manifold=Poincare(), curvature=1.0), rows, dim)


def dense_geoopt(rows: int, dim: int) -> Step:
    import geoopt
    import torch

    torch.set_num_threads(1)
    x = geoopt.ManifoldParameter(torch.from_numpy(table_of(rows, dim)), manifold=geoopt.PoincareBall())
    g, optimizer = torch.from_numpy(gradient_of(rows, dim)), geoopt.optim.RiemannianAdam([x], lr=LR)

    def run() -> None:
        x.grad = g.clone()  # the step overwrites it
        optimizer.step()

    return run


# Sparse steps ---------------------------------------------------------------------------------------------------------


def sparse_ours(rows: int, dim: int) -> Step:
    import jax
    import jax.numpy as jnp
    from hyp_manifolds import Poincare
    from hyp_optim import sparse_riemannian_adam

    tx = sparse_riemannian_adam(Poincare(), LR)
    program = jax.jit(tx.update, donate_argnums=(2, 3))
    table, g = jnp.asarray(table_of(rows, dim)), jnp.asarray(gradient_of(TOUCHED, dim))
    state, ids = tx.init(table), [jnp.asarray(ids_of(rows, i), jnp.int32) for i in range(20)]

    def run() -> None:
        nonlocal table, state
        for i in ids:
            table, state = program(g, i, state, table)
        jax.block_until_ready(table)

    return run


def sparse_geoopt(rows: int, dim: int) -> Step:
    import geoopt
    import torch

    torch.set_num_threads(1)
    x = geoopt.ManifoldParameter(torch.from_numpy(table_of(rows, dim)), manifold=geoopt.PoincareBall())
    g, optimizer = torch.from_numpy(gradient_of(TOUCHED, dim)), geoopt.optim.SparseRiemannianAdam([x], lr=LR)
    ids = [torch.from_numpy(ids_of(rows, i))[None] for i in range(20)]

    def run() -> None:
        for i in ids:
            x.grad = torch.sparse_coo_tensor(i, g.clone(), (rows, dim), check_invariants=False)
            optimizer.step()

    return run


CONTENDERS: dict[str, dict[str, Callable[[int, int], Step]]] = {
    "dense": {
        "hyp-optim": dense_ours,
        "optax.adam": dense_optax,
        "Hyperbolix": dense_hyperbolix,
        "geoopt": dense_geoopt,
    },
    "sparse": {"hyp-optim": sparse_ours, "geoopt": sparse_geoopt},
}
NEEDS = {"Hyperbolix": "hyperbolix", "geoopt": "geoopt"}


def installed(name: str) -> bool:
    return name not in NEEDS or importlib.util.find_spec(NEEDS[name]) is not None


def timed(steps: dict[str, Step], rounds: int) -> dict[str, list[float]]:
    """Seconds of each, in turn; the first round compiles and fills buffers."""
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    for r in range(-2, rounds):
        for name, step in steps.items():
            start = time.perf_counter()
            step()
            if r >= 0:
                seconds[name].append(time.perf_counter() - start)
    return seconds


def memory(kind: str, name: str, rows: int, dim: int) -> float:
    """Megabytes that three steps need at their peak, in a process of their own."""
    command = [sys.executable, __file__, "--child", kind, name, str(rows), str(dim)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


def resident(what: str) -> float:
    """Megabytes: VmRSS now, or VmHWM at the peak."""
    with open("/proc/self/status") as status:
        return next(float(line.split()[1]) / 1024 for line in status if line.startswith(what))


def child(kind: str, name: str, rows: int, dim: int) -> None:
    CONTENDERS[kind][name](TOUCHED, dim)()
    before = resident("VmRSS")
    with open("/proc/self/clear_refs", "w") as refs:
        refs.write("5")  # the peak starts anew
    step = CONTENDERS[kind][name](rows, dim)
    for _ in range(3):
        step()
    print(resident("VmHWM") - before)


def ratio(seconds: dict[str, list[float]], name: str) -> float:
    """How many times as long as ours it takes."""
    return statistics.median(b / a for a, b in zip(seconds["hyp-optim"], seconds[name], strict=True))


def dense(rounds: int) -> list[str]:
    """Prints the dense table; returns the broken promises."""
    broken = []
    for rows, dim in DENSE:
        steps = {name: make(rows, dim) for name, make in CONTENDERS["dense"].items() if installed(name)}
        seconds = timed(steps, rounds)
        steps.clear()
        for name, taken in seconds.items():
            factor, mb = ratio(seconds, name), memory("dense", name, rows, dim)
            print(
                f"dense  {rows:>10,} x {dim:<3} {name:11} {1e3 * statistics.median(taken):9.2f} ms   "
                f"x {factor:6.2f}   {mb:8.0f} MB",
                flush=True,
            )
            if factor < PROMISED.get(name, 0):
                broken.append(
                    f"dense {rows:,} x {dim}: {name} takes {factor:.2f} of our time, promised {PROMISED[name]:.2f}"
                )
    return broken


def sparse(rounds: int) -> list[str]:
    """Prints the sparse table; returns the broken promises."""
    broken = []
    ours = timed({str(rows): sparse_ours(rows, DIM) for rows in LENGTHS}, rounds)
    for rows in LENGTHS:
        names = [n for n in CONTENDERS["sparse"] if installed(n) and rows in PEER_LENGTHS]
        seconds = timed({name: CONTENDERS["sparse"][name](rows, DIM) for name in names}, rounds)
        for name, taken in (seconds or {"hyp-optim": ours[str(rows)]}).items():
            factor, mb = ratio(seconds, name) if seconds else 1.0, memory("sparse", name, rows, DIM)
            print(
                f"sparse {rows:>10,} x {DIM:<3} {name:11} {1e6 * statistics.median(taken) / 20:9.1f} us   "
                f"x {factor:6.2f}   {mb:8.0f} MB",
                flush=True,
            )
            if name == "geoopt" and factor < SPARSE_PROMISED:
                broken.append(f"sparse {rows:,}: geoopt takes {factor:.2f} of our time, promised {SPARSE_PROMISED:g}")
    short, long = ours[str(LENGTHS[0])], ours[str(LENGTHS[-1])]
    growth = statistics.median(b / a for a, b in zip(short, long, strict=True))
    print(f"sparse: {LENGTHS[-1]:,} rows cost {growth:.2f} times as much as {LENGTHS[0]:,}")
    if growth > GROWTH:
        broken.append(f"sparse: growth {growth:.2f}, promised {GROWTH:g}")
    return broken


def main() -> int:
    """Measures and prints."""
    restart()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--only", choices=("dense", "sparse"))
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--child", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        kind, name, rows, dim = options.child
        child(kind, name, int(rows), int(dim))
        return 0
    print("skipped, not installed:", ", ".join(name for name in NEEDS if not installed(name)) or "none")
    broken = []
    if options.only != "sparse":
        broken += dense(options.rounds)
    if options.only != "dense":
        broken += sparse(options.rounds)
    print(*broken, sep="\n")
    return int(options.check and bool(broken))


if __name__ == "__main__":
    sys.exit(main())

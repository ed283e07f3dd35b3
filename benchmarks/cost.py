"""What accuracy costs: the time of every operation of `hyp_manifolds` over the time of its textbook twin in `naive.py`.

    uv run python benchmarks/cost.py                                        # every operation, about 3 minutes
    uv run python benchmarks/cost.py --ops dist,expmap --manifold Poincare
    uv run python benchmarks/cost.py --check                                # exit code 1 if a ratio is above the limit

The rules that make the ratios fair are in README.md, next to this file.
"""

import argparse
import json
import os
import random
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

from hyp_bench.fair import restart

# The default allocator hands every big result back to the system, and both contenders then time page faults.
_CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}
_AGREEMENT = 1e-9  # float64, close to the origin: the twins compute the same function or the ratio means nothing


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Time of hyp_manifolds over the time of the textbook formula.")
    parser.add_argument("--n", type=int, default=100_000, help="points per batch")
    parser.add_argument("--dim", type=int, default=128, help="dimension of the manifold")
    parser.add_argument("--dtype", choices=("float32", "float64", "bfloat16", "float16"), default="float32")
    parser.add_argument("--ops", help="comma-separated operations (default: all)")
    parser.add_argument("--manifold", default="Poincare,Hyperboloid,Euclidean", help="comma-separated manifolds")
    parser.add_argument("--rounds", type=int, help="rounds per row (default: as many as fit --seconds, 7 to 200)")
    parser.add_argument("--seconds", type=float, default=0.6, help="time per row and mode, compilation apart")
    parser.add_argument("--clock", choices=_CLOCKS, default="wall", help="cpu: for a busy machine, no GPU")
    parser.add_argument("--limit", type=float, default=3.0, help="largest ratio that --check accepts")
    parser.add_argument("--seed", type=int, default=0, help="seed of the order of the rounds")
    parser.add_argument("--check", action="store_true", help="exit with 1 if a ratio is above the limit")
    parser.add_argument("--json", type=Path, help="also write the rows to this file")
    return parser.parse_args()


@dataclass(frozen=True)
class Ratio:
    """Milliseconds (medians) and the ratio ours / naive round by round (median, 10th and 90th percentile)."""

    naive_ms: float
    ours_ms: float
    ratio: float
    low: float
    high: float
    rounds: int

    def __str__(self) -> str:
        return f"{self.naive_ms:.2f} | {self.ours_ms:.2f} | {self.ratio:.2f} | {self.low:.2f}-{self.high:.2f}"


def _milliseconds(function: Callable, args: tuple, clock: Callable[[], float]) -> float:
    import jax

    start = clock()
    result = jax.block_until_ready(function(*args))
    stop = clock()
    del result  # freed outside the clock, before the next call needs the memory
    return 1e3 * (stop - start)


def _compare(naive: Callable, ours: Callable, args: tuple, options: argparse.Namespace, order: random.Random) -> Ratio:
    """Time both functions in turn, in random order within each round; close to the limit three times the rounds."""
    contenders, clock = (naive, ours), _CLOCKS[options.clock]
    for function in contenders:
        _milliseconds(function, args, clock)  # compiles
    once = sum(min(_milliseconds(function, args, clock) for _ in range(2)) for function in contenders)
    rounds = options.rounds or max(7, min(200, int(1e3 * options.seconds / max(once, 1e-3))))
    times: tuple[list[float], list[float]] = ([], [])

    def play(how_many: int) -> list[float]:
        for _ in range(how_many):
            for which in order.sample((0, 1), 2):
                times[which].append(_milliseconds(contenders[which], args, clock))
        return [own / twin for twin, own in zip(*times, strict=True)]

    ratios = play(rounds)
    if not options.rounds and 0.8 < statistics.median(ratios) / options.limit < 1.25:
        ratios = play(2 * rounds)
    deciles = statistics.quantiles(ratios, n=10, method="inclusive") if len(ratios) > 1 else ratios * 9
    medians = [statistics.median(series) for series in times]
    return Ratio(medians[0], medians[1], statistics.median(ratios), deciles[0], deciles[-1], len(ratios))


def _conditions(options: argparse.Namespace) -> str:
    import jax

    device = jax.devices()[0]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return (
        f"{options.n} points, dimension {options.dim}, {options.dtype}; {device.platform} ({device.device_kind}), "
        f"1 XLA thread of {cores} cores; jax {jax.__version__}, jaxlib {version('jaxlib')}, "
        f"Python {sys.version.split()[0]}; allocator tuned for both; {options.clock} clock"
    )


def main() -> int:
    """Measure, print the table and, with --check, judge it."""
    options = _options()
    restart()
    import cases
    import chex
    import jax

    if options.dtype == "float64":
        jax.config.update("jax_enable_x64", True)
    manifolds, ops = options.manifold.split(","), options.ops.split(",") if options.ops else None
    known = {op for manifold in cases.OPERATIONS.values() for op in manifold}
    if not set(manifolds) <= cases.OPERATIONS.keys() or not set(ops or ()) <= known:
        print(f"manifolds: {', '.join(cases.OPERATIONS)}\noperations: {', '.join(sorted(known))}", file=sys.stderr)
        return 2
    print(_conditions(options) + "\n")
    print("| operation | naive ms | ours ms | ratio fwd | 10-90 % | naive v&g ms | ours v&g ms | ratio v&g | 10-90 % |")
    print("|---|---|---|---|---|---|---|---|---|", flush=True)
    order, rows, problems = random.Random(options.seed), [], []
    values = {manifold: cases.coordinates(manifold, options.n, options.dim) for manifold in manifolds}
    for case in cases.cases(manifolds, ops):
        label = f"{case.manifold}.{case.op}"
        apart = cases.disagreement(case)
        if not apart <= _AGREEMENT:
            problems.append(f"{label}: the twins differ by {apart:.1e} (float64, relative), allowed {_AGREEMENT:.0e}")
        args = cases.inputs(case, values[case.manifold], 1.0, options.dtype)
        chex.assert_tree_is_on_device(args, device=jax.devices()[0])
        results = {}
        for mode, build in (("fwd", cases.forward), ("v&g", cases.value_and_grad)):
            naive, ours = jax.jit(build(case, case.naive)), jax.jit(build(case, case.ours))
            results[mode] = _compare(naive, ours, args, options, order)
            if results[mode].ratio > options.limit:
                problems.append(f"{label} {mode}: {results[mode].ratio:.2f} times naive, allowed {options.limit:g}")
        rows.append({"operation": label, "disagreement": apart} | {mode: asdict(r) for mode, r in results.items()})
        print(f"| {label} | {results['fwd']} | {results['v&g']} |", flush=True)
    if options.json:
        options.json.write_text(json.dumps({"conditions": _conditions(options), "rows": rows}, indent=1) + "\n")
    print("\n" + ("\n".join(problems) if problems else f"every ratio is at most {options.limit:g}"))
    return 1 if options.check and problems else 0


if __name__ == "__main__":
    sys.exit(main())

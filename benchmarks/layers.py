"""Layers: time and memory beside the Euclidean layer, and beside Hyperbolix and HypLL where they are installed.

    uv run python benchmarks/layers.py [--check] [--only linear,conv] [--rounds 15] [--batch 1000]

Rows are float32 and run on the default device (JAX_PLATFORMS=cuda for a GPU). All contenders of a row run in every
round, in turn, in one process with one allocator and one thread; ratios are medians over the rounds. Forward, and value
with the gradient by parameters and inputs. Memory is XLA's count of temporaries, without results. Each row compares
outputs first where both have the same weights. `--check` exits with 1 where a promise is broken; promises that need a
peer are skipped without it. `--compile` also times tracing and compiling the gradient of 16 layers.
"""

import argparse
import importlib.util
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hyp_bench.fair import restart

_CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}


@dataclass
class Row:
    """Contenders for one job; each is (module, call), or a function of the inputs without parameters.

    Promises: least times as fast as a contender forward and with gradient, most times as slow, most megabytes.
    """

    name: str
    x: Callable[[], Any]
    contenders: dict[str, Callable[[], tuple[Any, Callable[..., Any]]]]
    faster: dict[str, tuple[float, float]] = field(default_factory=dict)
    slower: dict[str, tuple[float, float]] = field(default_factory=dict)
    megabytes: tuple[float, float] | None = None


def _has(name: str) -> bool:
    return importlib.util.find_spec(name) is not None


def _linear_rows(batch: int) -> list[Row]:
    import jax
    from flax import nnx
    from hyp_manifolds import Hyperboloid, Poincare
    from hyp_nn import FGGLinear, HTCLinear, HypLinearHyperboloidFHCNN, HypLinearPoincare, HypLinearPoincarePP

    ball, sheet, rows = Poincare(), Hyperboloid(), []

    def rngs() -> nnx.Rngs:
        return nnx.Rngs(0)

    def ball_points(dim: int) -> Callable[[], Any]:
        v = jax.random.normal(jax.random.key(1), (batch, dim)) * 0.5 / dim**0.5
        return lambda: jax.vmap(lambda u: ball.expmap_0(u, 1.0))(v)

    def sheet_points(dim: int) -> Callable[[], Any]:
        v = jax.random.normal(jax.random.key(1), (batch, dim)) / dim**0.5
        return lambda: jax.vmap(lambda u: sheet.expmap_0(u, 1.0))(sheet.embed_spatial_0(v))

    for i, o, hnn, pp in ((128, 128, 1.4, 1.5), (784, 256, 1.1, 1.15)):
        euclid = {"Euclid": lambda i=i, o=o: (nnx.Linear(i, o, rngs=rngs()), lambda m, x, c: m(x))}
        ours = {"ours": lambda i=i, o=o: (HypLinearPoincare(ball, i, o, rngs=rngs()), lambda m, x, c: m(x, c))}
        row = Row(f"HypLinearPoincare {i}->{o}", ball_points(i), ours | euclid, {"Hyperbolix": (hnn, 0.0)})
        if i == 784:
            row.slower = {"Euclid": (1.15, 9e9)}
        rows.append(row)
        ours = {"ours": lambda i=i, o=o: (HypLinearPoincarePP(ball, i, o, rngs=rngs()), lambda m, x, c: m(x, c))}
        faster = {"Hyperbolix": (pp, 0.0), "HypLL": (2.5, 0.0)}
        rows.append(Row(f"HypLinearPoincarePP {i}->{o}", ball_points(i), ours | euclid, faster))
    euclid = {"Euclid": lambda: (nnx.Linear(129, 128, rngs=rngs()), lambda m, x, c: m(x))}
    for name, build in (
        ("FGGLinear", lambda: FGGLinear(129, 129, rngs=rngs())),
        ("HTCLinear", lambda: HTCLinear(129, 128, rngs=rngs())),
        ("HypLinearHyperboloidFHCNN", lambda: HypLinearHyperboloidFHCNN(sheet, 129, 129, rngs=rngs())),
    ):
        ours = {"ours": lambda build=build: (build(), lambda m, x, c: m(x, c))}
        parity = {} if "FHCNN" in name else {"Euclid": (1.2, 9e9)}
        rows.append(Row(f"{name} 129->129", sheet_points(128), ours | euclid, {"Hyperbolix": (0.95, 0.95)}, parity))
    if _has("hyperbolix"):
        for row in rows:
            row.contenders["Hyperbolix"] = _rival_linear(row.name)
    if _has("hypll"):
        for row in rows:
            if "PP" in row.name:
                row.contenders["HypLL"] = _hypll_linear(row.name)
    return rows


def _rival_linear(name: str) -> Callable[[], tuple[Any, Callable[..., Any]]]:
    from flax import nnx
    from hyperbolix import manifolds, nn_layers  # type: ignore[import-not-found]

    layer, _, sizes = name.partition(" ")
    i, o = map(int, sizes.split("->"))

    def build() -> tuple[Any, Callable[..., Any]]:
        rngs = nnx.Rngs(0)
        if layer == "HTCLinear":
            return nn_layers.HTCLinear(i, o - 1, rngs=rngs), lambda m, x, c: m(x, c, c)
        if layer == "FGGLinear":
            return nn_layers.FGGLinear(i, o, rngs=rngs), lambda m, x, c: m(x, c)
        model = manifolds.Poincare() if "Poincare" in layer else manifolds.Hyperboloid()
        return getattr(nn_layers, layer)(model, i, o, rngs=rngs), lambda m, x, c: m(x, c)

    return build


def _hypll_linear(name: str) -> Callable[[], tuple[Any, Callable[..., Any]]]:
    """HypLL's HNN++ layer under torch, forward only; its curvature 1 is softplus of the parameter."""
    import numpy as np
    import torch  # type: ignore[import-not-found]
    from hypll.manifolds.poincare_ball import Curvature, PoincareBall  # type: ignore[import-not-found]
    from hypll.nn import HLinear  # type: ignore[import-not-found]
    from hypll.tensors import ManifoldTensor  # type: ignore[import-not-found]

    i, o = map(int, name.partition(" ")[2].split("->"))

    def build() -> tuple[Any, Callable[..., Any]]:
        torch.set_num_threads(1)
        ball = PoincareBall(Curvature(float(np.log(np.e - 1))))
        layer = HLinear(i, o, ball)

        def call(_: Any, x: Any, c: Any) -> Any:
            with torch.no_grad():
                return layer(ManifoldTensor(torch.tensor(np.asarray(x)), manifold=ball, man_dim=-1)).tensor

        return None, call

    return build


def _conv_rows(batch: int) -> list[Row]:
    import jax
    from flax import nnx
    from hyp_manifolds import Hyperboloid, Poincare
    from hyp_nn import FGGConv2D, HypConv2DHyperboloid, HypConv2DPoincare, LorentzConv2D

    ball, sheet, n = Poincare(), Hyperboloid(), 16
    v = 0.1 * jax.random.normal(jax.random.key(1), (n, 32, 32, 32))

    def image() -> Any:
        flat = jax.vmap(lambda u: sheet.expmap_0(u, 1.0))(sheet.embed_spatial_0(v).reshape(-1, 33))
        return flat.reshape(n, 32, 32, 33)

    def rngs() -> nnx.Rngs:
        return nnx.Rngs(0)

    def contenders(build: Callable[[], Any], rival: str, channels: int, size: Any) -> dict[str, Any]:
        found = {
            "ours": lambda: (build(), lambda m, x, c: m(x, c)),
            "Euclid": lambda: (nnx.Conv(channels, 32, (3, 3), rngs=rngs()), lambda m, x, c: m(x)),
        }
        if _has("hyperbolix"):
            from hyperbolix import manifolds, nn_layers  # type: ignore[import-not-found]

            model = manifolds.Poincare() if "Poincare" in rival else manifolds.Hyperboloid()
            layer = getattr(nn_layers, rival)
            found["Hyperbolix"] = lambda: (
                layer(model, channels, channels, size, rngs=rngs()),
                lambda m, x, c: m(x, c),
            )
        return found

    kinds = (
        ("HypConv2DHyperboloid", lambda k: HypConv2DHyperboloid(sheet, 33, 33, k, rngs=rngs()), image, 33, (6, 10)),
        ("FGGConv2D", lambda k: FGGConv2D(sheet, 33, 33, k, rngs=rngs()), image, 33, (6, 10)),
        ("HypConv2DPoincare", lambda k: HypConv2DPoincare(ball, 32, 32, k, rngs=rngs()), lambda: v, 32, (4.5, 10)),
        ("LorentzConv2D", lambda k: LorentzConv2D(33, 33, k, rngs=rngs()), image, 33, (0.95, 0.95)),
    )
    rows = []
    for name, build, x, channels, least in kinds:
        for size in ((3, 3), 3):
            # An int kernel of Hyperbolix's LorentzConv2D is a one-dimensional kernel: another function.
            rival = (3, 3) if name == "LorentzConv2D" else size
            found = contenders(lambda build=build, size=size: build(size), name, channels, rival)
            memory = None if name == "LorentzConv2D" else (20.0, 20.0)
            rows.append(Row(f"{name} {size}", x, found, {"Hyperbolix": least}, megabytes=memory))
    return rows


def _programs(row: Row, gradient: bool) -> tuple[dict[str, Callable[[], Any]], dict[str, float]]:
    """Calls without arguments, and megabytes of temporaries."""
    import jax
    import jax.numpy as jnp
    from flax import nnx

    x, c, calls, memory = jax.block_until_ready(row.x()), jnp.float32(1.0), {}, {}
    for name, build in row.contenders.items():
        module, call = build()
        if module is None:
            if not gradient:
                calls[name] = lambda call=call: call(None, x, c)
            continue
        graph, state = nnx.split(module)
        leaves, tree = jax.tree.flatten(state)  # flattening a State takes longer than a layer

        def forward(leaves: Any, x: Any, c: Any, tree: Any = tree, graph: Any = graph, call: Any = call) -> Any:
            return call(nnx.merge(graph, jax.tree.unflatten(tree, leaves)), x, c)

        def loss(leaves: Any, x: Any, c: Any, forward: Any = forward) -> Any:
            return jnp.sum(forward(leaves, x, c) ** 2)

        program = jax.jit(jax.value_and_grad(loss, (0, 1), allow_int=True) if gradient else forward)
        calls[name] = lambda program=program, leaves=leaves: program(leaves, x, c)
        memory[name] = program.lower(leaves, x, c).compile().memory_analysis().temp_size_in_bytes / 1e6
    return calls, memory


def _measure(calls: dict[str, Callable[[], Any]], rounds: int, clock: Callable[[], float]) -> dict[str, list[float]]:
    import jax

    taken: dict[str, list[float]] = {name: [] for name in calls}
    for call in calls.values():
        jax.block_until_ready(call())
    once = {}
    for name, call in calls.items():
        start = time.perf_counter()
        jax.block_until_ready(call())
        once[name] = time.perf_counter() - start
    inner = max(1, min(20, int(5e-3 / min(once.values()))))
    for _ in range(rounds):
        for name, call in calls.items():
            start = clock()
            for _ in range(inner):
                result = call()
            jax.block_until_ready(result)
            taken[name].append((clock() - start) / inner)
    return taken


def _run(row: Row, rounds: int, clock: Callable[[], float]) -> list[str]:
    """Prints the row; returns the promises that it breaks."""
    broken = []
    for mode, what in enumerate(("forward", "with gradient")):
        calls, memory = _programs(row, bool(mode))
        taken = _measure(calls, rounds, clock)
        cells = []
        for name, seconds in taken.items():
            ratio = statistics.median(s / o for s, o in zip(seconds, taken["ours"], strict=True))
            text = f"{name} {1e6 * statistics.median(seconds):.0f} us"
            cells.append(text if name == "ours" else f"{text} (x {ratio:.2f})")
            least, most = row.faster.get(name, (0, 0))[mode], row.slower.get(name, (9e9, 9e9))[mode]
            if name != "ours" and ratio < least:
                broken.append(f"{row.name} {what}: {ratio:.2f} times as fast as {name}, promised {least:g}")
            if name != "ours" and 1 / ratio > most:
                broken.append(f"{row.name} {what}: {1 / ratio:.2f} times {name}, promised at most {most:g}")
        print(f"{row.name:34} {what:14} {' | '.join(cells)} | {memory['ours']:.1f} MB", flush=True)
        if row.megabytes and memory["ours"] > row.megabytes[mode]:
            broken.append(f"{row.name} {what}: {memory['ours']:.1f} MB, promised {row.megabytes[mode]:g}")
    return broken


def _compile() -> list[str]:
    """Milliseconds to trace and compile the gradient of 16 layers of 128."""
    import jax
    import jax.numpy as jnp
    from flax import nnx
    from hyp_manifolds import Poincare
    from hyp_nn import HypLinearPoincare, HypLinearPoincarePP

    def once(layers: list[Any]) -> float:
        graph, state = nnx.split(nnx.List(layers))

        def loss(state: Any, x: Any, c: Any) -> Any:
            for layer in nnx.merge(graph, state):
                x = layer(x, c)
            return jnp.sum(x**2)

        start = time.perf_counter()
        jax.jit(jax.grad(loss, allow_int=True)).lower(state, jnp.zeros((100, 128)), 1.0).compile()
        return 1e3 * (time.perf_counter() - start)

    broken = []
    for layer in (HypLinearPoincare, HypLinearPoincarePP):

        def ours(layer: Any = layer) -> list[Any]:
            return [layer(Poincare(), 128, 128, rngs=nnx.Rngs(i)) for i in range(16)]

        builds = {"ours": ours}
        if _has("hyperbolix"):
            from hyperbolix import manifolds, nn_layers  # type: ignore[import-not-found]

            model, other = manifolds.Poincare(), getattr(nn_layers, layer.__name__)
            builds["Hyperbolix"] = lambda model=model, other=other: [
                other(model, 128, 128, rngs=nnx.Rngs(i)) for i in range(16)
            ]
        taken = {name: [] for name in builds}
        for _ in range(3):
            for name, build in builds.items():
                taken[name].append(once(build()))
        median = {name: statistics.median(times) for name, times in taken.items()}
        print(f"compile 16 x {layer.__name__}: " + ", ".join(f"{n} {t:.0f} ms" for n, t in median.items()), flush=True)
        if median["ours"] > median.get("Hyperbolix", 9e9):
            broken.append(f"16 x {layer.__name__} compiles slower than Hyperbolix")
    return broken


def main() -> int:
    """Measure, print and, with --check, judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="exit with 1 if a promise is broken")
    parser.add_argument("--only", default="linear,conv,compile", help="comma-separated: linear, conv, compile")
    parser.add_argument("--rows", help="comma-separated parts of row names")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--clock", choices=_CLOCKS, default="wall", help="cpu: for a busy machine, no GPU")
    parser.add_argument("--batch", type=int, default=1000, help="points for the linear layers")
    options = parser.parse_args()
    restart()
    import jax

    device = jax.devices()[0]
    where = f"{device.platform} ({device.device_kind})"
    print(f"jax {jax.__version__}, {where}, float32, one thread, tuned allocator, {options.clock} clock\n")
    kinds, broken = options.only.split(","), []
    rows = [*(_linear_rows(options.batch) if "linear" in kinds else []), *(_conv_rows(16) if "conv" in kinds else [])]
    for row in rows:
        if not options.rows or any(part in row.name for part in options.rows.split(",")):
            broken += _run(row, options.rounds, _CLOCKS[options.clock])
    if "compile" in kinds:
        broken += _compile()
    print("\n" + ("\n".join(broken) if broken else "every promise that could be tried holds"))
    return 1 if options.check and broken else 0


if __name__ == "__main__":
    sys.exit(main())

"""The accuracy report."""

from __future__ import annotations

import dataclasses
import platform
import time
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from rich.console import Console

from hyp_bench.tasks._options import require

if TYPE_CHECKING:
    from hyp_bench.accuracy import Cell, Library

_CURVATURES = (1e-6, 1e-3, 1.0, 10.0, 1e3)
_SIGNED = (-1e3, -1.0, -1e-6, 1e-12, 1e-3, 1.0, 1e3)


@dataclasses.dataclass(frozen=True)
class Accuracy:
    """Measure every operation of every model against exact arithmetic: values, forward and reverse derivatives.

    Prints the cells beyond the contract, writes a page of tables to OUT and a plot beside it. Exits with 1 where
    hyp-manifolds breaks its contract.
    """

    library: Literal["hyp-manifolds", "geoopt", "hypll"] = "hyp-manifolds"
    """What to measure; others than ours have to be installed beside hyp-bench."""
    models: tuple[str, ...] = ()
    """Models, by name; all of them if not given."""
    dtypes: tuple[Literal["float32", "float64"], ...] = ("float32", "float64")
    """Dtypes of the inputs."""
    quick: bool = False
    """Fewer curvatures, one dimension, float32 only, derivatives on a few inputs: what CI runs."""
    seed: int = 0
    """Seed of the inputs."""
    out: Path = Path("out/accuracy.md")
    """The page; the plot lies beside it, with the ending .png."""

    def run(self, console: Console) -> int:
        """Runs the task and returns the exit code."""
        from hyp_manifolds.testing import CONTRACT, oracle

        from hyp_bench.accuracy import LIBRARIES, broken, plot, write_markdown

        names = self.models or tuple(oracle.ORACLES)
        unknown = [name for name in names if name not in oracle.ORACLES]
        require(not unknown, f"--models: unknown {', '.join(unknown)}; known are {', '.join(oracle.ORACLES)}.")
        library = LIBRARIES[self.library]()
        dtypes = ("float32",) if self.quick else self.dtypes
        cells: list[Cell] = []
        start = time.perf_counter()
        for name in names:
            operations = [op for op in CONTRACT[name] if library.has(name, op)]
            for dtype in dtypes if operations else ():
                found = [cell for op in operations for cell in self._measure(library, name, op, dtype)]
                worst = max((c.error for c in found if c.kind == "value" and c.limit is not None), default=0.0)
                console.print(
                    f"{name:16} {dtype}: {len(operations)} operations, {len(found)} cells, worst promised value "
                    f"{worst:.2g} eps, {len(broken(found))} beyond the contract"
                )
                cells += found
        for cell in broken(cells):
            console.print(
                f"beyond the contract: {cell.model}.{cell.operation} {cell.dtype} {cell.kind} [{cell.band}]: "
                f"{cell.error:.3g} eps > {cell.limit:g}"
            )
        title = f"Numerical accuracy of {library.name}"
        write_markdown(self.out, cells, title=title, setting=self._setting(library), command=self._command())
        picture = self.out.with_suffix(".png")
        plot(picture, cells, title=title)
        console.print(f"{len(cells)} cells in {time.perf_counter() - start:.0f} s; wrote {self.out} and {picture}")
        return 1 if broken(cells) and self.library == "hyp-manifolds" else 0

    def _measure(self, library: Library, model: str, operation: str, dtype: str) -> list[Cell]:
        from hyp_bench.accuracy import measure

        curvatures = _SIGNED if model == "stereographic" else _CURVATURES
        return measure(
            library,
            model,
            operation,
            dtype,
            dims=(2,) if self.quick else (2, 16),
            curvatures=curvatures[1::3] if self.quick else curvatures,
            seed=self.seed,
            every=12 if self.quick else 3,
        )

    def _setting(self, library: Library) -> str:
        import jax

        return (
            f"{library.name} {library.version}, jax {jax.__version__}, Python {platform.python_version()}, "
            f"{jax.devices()[0].device_kind} ({platform.machine()}); seed {self.seed}."
        )

    def _command(self) -> str:
        options = [f"--library {self.library}"] if self.library != "hyp-manifolds" else []
        options += [f"--models {' '.join(self.models)}"] if self.models else []
        options += ["--quick"] if self.quick else []
        return " ".join(["hyp-bench accuracy", *options, f"--out {self.out}"])

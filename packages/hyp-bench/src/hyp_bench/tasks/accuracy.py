"""The accuracy report."""

from __future__ import annotations

import dataclasses
import multiprocessing
import platform
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

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

    float64: ClassVar[bool] = True

    library: Literal["hyp-manifolds", "geoopt", "hypll", "hyperbolix"] = "hyp-manifolds"
    """What to measure; others than ours have to be installed beside hyp-bench."""
    models: tuple[str, ...] = ()
    """Models, by name; all of them if not given."""
    dtypes: tuple[Literal["float32", "float64"], ...] = ("float32", "float64")
    """Dtypes of the inputs."""
    quick: bool = False
    """Fewer curvatures, one dimension, float32 only, derivatives on a few inputs: what CI runs."""
    seed: int = 0
    """Seed of the inputs."""
    jobs: int = 1
    """Processes to share the work among."""
    out: Path = Path("out/accuracy.md")
    """The page; the plot lies beside it, with the ending .png."""

    def run(self, console: Console) -> int:
        """Runs the task and returns the exit code."""
        from hyp_manifolds.testing import CONTRACT, oracle

        from hyp_bench.accuracy import LIBRARIES, broken, plot, write_markdown

        names = self.models or tuple(oracle.ORACLES)
        unknown = [name for name in names if name not in oracle.ORACLES]
        require(self.jobs >= 1, f"--jobs must be at least 1, got {self.jobs}.")
        require(not unknown, f"--models: unknown {', '.join(unknown)}; known are {', '.join(oracle.ORACLES)}.")
        library = LIBRARIES[self.library]()
        dtypes = ("float32",) if self.quick else self.dtypes
        cells: list[Cell] = []
        start = time.perf_counter()
        tasks = {
            (name, dtype): [op for op in CONTRACT[name] if library.has(name, op)] for name in names for dtype in dtypes
        }
        tasks = {task: operations for task, operations in tasks.items() if operations}
        for ((name, dtype), operations), found in zip(tasks.items(), self._all(tasks), strict=True):
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

    def _all(self, tasks: Mapping[tuple[str, str], Sequence[str]]) -> Iterator[list[Cell]]:
        """Cells of each task, in order."""
        if self.jobs == 1:
            yield from (_measure(self, *task, operations) for task, operations in tasks.items())
            return
        # A forked process would share JAX's threads and locks with this one.
        with ProcessPoolExecutor(self.jobs, multiprocessing.get_context("spawn"), initializer=_widen) as pool:
            futures = [pool.submit(_measure, self, *task, operations) for task, operations in tasks.items()]
            yield from (future.result() for future in futures)

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


def _widen() -> None:
    import jax

    jax.config.update("jax_enable_x64", True)


def _measure(settings: Accuracy, model: str, dtype: str, operations: Sequence[str]) -> list[Cell]:
    """Cells of the operations of one model."""
    from hyp_bench.accuracy import LIBRARIES, measure

    library, curvatures = LIBRARIES[settings.library](), _SIGNED if model == "stereographic" else _CURVATURES
    return [
        cell
        for operation in operations
        for cell in measure(
            library,
            model,
            operation,
            dtype,
            dims=(2,) if settings.quick else (2, 16),
            curvatures=curvatures[1::3] if settings.quick else curvatures,
            seed=settings.seed,
            every=12 if settings.quick else 3,
        )
    ]

"""Reconstruction of the WordNet mammals."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from rich.console import Console

from hyp_bench.tasks._options import make_folder, require

if TYPE_CHECKING:
    from hyp_bench.edges import EdgeList
    from hyp_bench.fitting import Fit
    from hyp_bench.report.table import Row

_CHECK_MAP = 0.93


@dataclasses.dataclass(frozen=True)
class Mammals:
    """Embed the WordNet mammals, compare with the published numbers, and draw them in the hyperbolic plane.

    Trains the 1,180 mammals of WordNet (6,540 is-a pairs, inside the package, no download) in 5 dimensions, prints
    mean rank and mean average precision beside those of Nickel and Kiela (2017) and of a Euclidean embedding with the
    same loss and budget, then trains in 2 dimensions and writes mammals.html, mammals.png and mammals.npz. All in
    float64; no point is clipped.
    """

    float64: ClassVar[bool] = True

    dim: int = 5
    """Dimension of the scored run."""
    manifold: Literal["poincare", "hyperboloid"] = "poincare"
    """Model of the scored run. The picture is always trained in the hyperboloid."""
    epochs: int = 300
    """Epochs of the scored run and of its Euclidean control."""
    picture_epochs: int = 700
    """Epochs of the 2-D run."""
    seed: int = 0
    """First seed."""
    seeds: int = 1
    """Number of scored runs, with seeds seed, seed + 1, ...; the table also has their mean."""
    euclid: bool = True
    """Train the Euclidean control."""
    picture: bool = True
    """Train in 2 dimensions and write the files."""
    out: Path = Path("out")
    """Folder for the files."""
    check: bool = False
    """Exit with code 1 if the MAP of a scored run is below 0.93."""

    def run(self, console: Console) -> int:
        """Runs the task and returns the exit code."""
        started = time.perf_counter()
        self._check_options()
        from hyp_bench.data import load_mammals

        edges = load_mammals()
        console.print(f"WordNet mammals: {edges.num_nodes:,} nodes, {len(edges):,} pairs; float64")
        if self.picture:
            make_folder(self.out)
        fits = self._score(console, edges)
        if self.picture:
            self._draw(console, edges)
        console.print(f"{time.perf_counter() - started:.1f} s in all")
        worst = min(fit.scores.mean_average_precision for fit in fits)
        if self.check:
            console.print(
                f"check: MAP {worst:.3f}, required {_CHECK_MAP}: {'passed' if worst >= _CHECK_MAP else 'FAILED'}"
            )
        return 1 if self.check and worst < _CHECK_MAP else 0

    def _check_options(self) -> None:
        for name in ("dim", "epochs", "picture_epochs", "seeds"):
            value = getattr(self, name)
            require(value >= 1, f"--{name.replace('_', '-')} must be at least 1, got {value}.")

    def _score(self, console: Console, edges: EdgeList) -> list[Fit]:
        """Trains and prints the table; returns the scored runs."""
        from hyp_manifolds import Euclidean, Hyperboloid, Poincare

        from hyp_bench.fitting import fit
        from hyp_bench.metric import DEFINITION
        from hyp_bench.report.table import Row, print_scores
        from hyp_bench.training import Settings

        model = {"poincare": Poincare, "hyperboloid": Hyperboloid}[self.manifold]()
        name = f"{type(model).__name__} {self.dim}-D"
        rows = [Row("paper, 5-D (Nickel & Kiela 2017, Fig. 2)", 1.26, 0.927)]
        fits = []
        for seed in range(self.seed, self.seed + self.seeds):
            title = f"{name}, seed {seed}"
            fits.append(fit(edges, model, Settings(self.dim, seed), self.epochs, console, title))
            rows.append(_row(f"ours, {title}", fits[-1]))
        if len(fits) > 1:
            rows.append(_mean_row(f"ours, mean of {len(fits)} seeds", rows[1:]))
        if self.euclid:
            title = f"Euclid {self.dim}-D, same budget"
            control = fit(edges, Euclidean(), Settings(self.dim, self.seed), self.epochs, console, title)
            rows.append(_row(title, control))
        console.print()
        print_scores(console, "Reconstruction of the mammals closure", rows)
        console.print(DEFINITION, soft_wrap=True)
        farthest = max(fits, key=lambda fit: fit.largest_radius)
        console.print(f"Ours: {farthest.reach()}.", soft_wrap=True)
        console.print()
        return fits

    def _draw(self, console: Console, edges: EdgeList) -> None:
        """Trains in the hyperbolic plane and writes the files."""
        from hyp_manifolds import Hyperboloid

        from hyp_bench.fitting import fit
        from hyp_bench.outputs import write_embedding
        from hyp_bench.training import Settings

        title = "Hyperboloid 2-D, for the picture"
        # Distances in the plane must grow larger than in 5 dimensions: longer steps get there sooner.
        settings = Settings(2, self.seed, learning_rate=3.0)
        plane = fit(edges, Hyperboloid(), settings, self.picture_epochs, console, title)
        mean_rank, precision = plane.scores
        console.print(
            f"2-D: MR {mean_rank:.3f}, MAP {precision:.3f} in {plane.seconds:.1f} s; {plane.reach()}",
            soft_wrap=True,
        )
        caption = (
            f"WordNet 3.0 mammals, {edges.num_nodes:,} synsets and their direct hypernyms. Hyperbolic plane, MAP "
            f"{precision:.3f}, largest radius {plane.largest_radius:.1f}."
        )
        paths = write_embedding(
            self.out, "mammals", plane.points, edges, Hyperboloid(), title="Mammals", caption=caption
        )
        console.print("wrote " + ", ".join(str(path) for path in paths), soft_wrap=True)


def _row(name: str, fit: Fit) -> Row:
    from hyp_bench.report.table import Row

    return Row(name, *fit.scores, fit.seconds, fit.largest_radius)


def _mean_row(name: str, rows: list[Row]) -> Row:
    from hyp_bench.report.table import Row

    def mean(values: list[float]) -> float:
        return sum(values) / len(values)

    return Row(
        name,
        mean([row.mean_rank for row in rows]),
        mean([row.mean_average_precision for row in rows]),
        mean([row.seconds or 0.0 for row in rows]),
        max(row.largest_radius or 0.0 for row in rows),
    )

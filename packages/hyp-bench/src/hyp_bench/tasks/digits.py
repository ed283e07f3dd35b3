"""Hyperbolic networks beside their Euclidean twins, on handwritten digits."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from rich.console import Console

from hyp_bench.tasks._options import make_folder, require

if TYPE_CHECKING:
    from hyp_bench.digits.comparisons import Comparison, Result
    from hyp_bench.digits.data import Split
    from hyp_bench.report.comparison import Versus

_QUICK_SEEDS, _QUICK_EPOCHS = 2, 3
_DRAWN = "bottleneck"


@dataclasses.dataclass(frozen=True)
class Digits:
    """Train hyperbolic networks and their Euclidean twins on scikit-learn's handwritten digits.

    A regression, an MLP 64-64, an MLP with a 2-D bottleneck, a small CNN in the ball and on the hyperboloid, and an
    autoencoder with 2-D codes, each beside a flat network of the same sizes, with the same steps, learning rate and
    seeds. Prints the accuracies on test images and writes OUT/digits.png: the disk of the bottleneck with those images.
    """

    float64: ClassVar[bool] = True

    models: tuple[Literal["mlr", "mlp", "bottleneck", "cnn-ball", "cnn-hyperboloid", "vae"], ...] = ()
    """Rows of the table; all if not given. The picture needs the bottleneck."""
    seeds: int = 5
    """Networks of each kind."""
    seed: int = 0
    """First seed: of initial parameters, the order of the images and the noise of the autoencoder."""
    split: int = 0
    """Seed of the split into 80 % to train and 20 % to test."""
    validation: bool = False
    """Leave the test images alone: train on four fifths of the images to train and score on the rest. Sizes, epochs and
    learning rates were chosen so."""
    epochs: int | None = None
    """Epochs of each network; each row's own number if not given."""
    quick: bool = False
    """Two seeds and three epochs, to see that everything runs; no accuracy is reached."""
    out: Path = Path("out")
    """Folder for the picture."""
    check: bool = False
    """Exit with code 1 if a hyperbolic network's mean accuracy is below what is required."""

    def run(self, console: Console) -> int:
        """Runs the task and returns the exit code."""
        start = time.perf_counter()
        self._check_options()
        make_folder(self.out)
        from hyp_bench.digits.comparisons import COMPARISONS
        from hyp_bench.digits.data import load_split

        split = load_split(self.split, validation=self.validation)
        seeds = range(self.seed, self.seed + (_QUICK_SEEDS if self.quick else self.seeds))
        console.print(
            f"scikit-learn's digits: {len(split.train.y):,} images to train, {len(split.test.y)} to "
            f"{'validate' if self.validation else 'test'} "
            f"(stratified, split {self.split}); seeds {seeds[0]} to {seeds[-1]}; float32",
            soft_wrap=True,
        )
        chosen = [self._shortened(COMPARISONS[name]) for name in dict.fromkeys(self.models or COMPARISONS)]
        rows, results = self._measure(console, chosen, split, seeds)
        self._print(console, chosen, rows)
        drawn = COMPARISONS[_DRAWN].hyperbolic
        if drawn in results:
            self._draw(console, results[drawn], split)
        console.print(f"{time.perf_counter() - start:.1f} s in all")
        return self._verdict(console, chosen, rows)

    def _check_options(self) -> None:
        for name in ("seeds", "epochs"):
            value = getattr(self, name)
            require(value is None or value >= 1, f"--{name} must be at least 1, got {value}.")
        for name in ("seed", "split"):
            value = getattr(self, name)
            require(0 <= value < 2**31 - self.seeds, f"--{name} must not be negative or above 2^31, got {value}.")
        require(not (self.quick and self.check), "--quick reaches no accuracy that --check could ask for.")
        require(not (self.quick and self.epochs), "--quick and --epochs exclude each other.")

    def _shortened(self, comparison: Comparison) -> Comparison:
        epochs = _QUICK_EPOCHS if self.quick else self.epochs or comparison.budget.epochs
        return comparison._replace(budget=comparison.budget._replace(epochs=epochs))

    def _measure(
        self, console: Console, chosen: list[Comparison], split: Split, seeds: range
    ) -> tuple[list[Versus], dict[Any, Result]]:
        """Trains everything; returns the rows, and the results by what builds the network."""
        from hyp_bench.digits.comparisons import measure
        from hyp_bench.report.comparison import Versus

        results: dict[Any, Result] = {}
        rows = []
        for comparison in chosen:
            pair = comparison.hyperbolic, comparison.euclidean
            for make in pair:
                # Two rows may share a twin.
                if make not in results:
                    with console.status(f"training {make.__name__}, {comparison.budget.epochs} epochs"):
                        results[make] = measure(make, comparison, split, seeds)
            ours, twin = (results[make] for make in pair)
            required = f"{'>' if comparison.above else '>='} {comparison.required:g}"
            rows.append(
                Versus(comparison.name, ours.accuracies, twin.accuracies, required, (ours.seconds, twin.seconds))
            )
        return rows, results

    def _print(self, console: Console, chosen: list[Comparison], rows: list[Versus]) -> None:
        from hyp_bench.report.comparison import print_versus

        console.print()
        print_versus(console, "Handwritten digits: hyperbolic networks and Euclidean twins of the same budget", rows)
        budgets = "; ".join(f"{c.name} {c.budget.epochs} epochs at {c.budget.learning_rate:g}" for c in chosen)
        console.print(
            f"Budget of each of a pair, Adam (Riemannian for points) in batches of {chosen[0].budget.batch_size}: "
            f"{budgets}.",
            soft_wrap=True,
        )
        lost = [row.name for row in rows if row.hyperbolic.mean() <= row.euclidean.mean()]
        console.print(
            "Hyperbolic does not win in: " + "; ".join(lost) if lost else "Hyperbolic wins in every row.",
            soft_wrap=True,
        )
        console.print()

    def _draw(self, console: Console, result: Result, split: Split) -> None:
        """Writes the picture of the first seed's codes."""
        import numpy as np

        from hyp_bench.digits.data import SIDE
        from hyp_bench.report.digits_png import write_digits_png

        path = self.out / "digits.png"
        codes = np.asarray(result.network.codes(split.test.x))
        accuracy = float(result.accuracies[0])
        write_digits_png(
            path,
            codes,
            split.test.x.reshape(-1, SIDE, SIDE),
            split.test.y,
            title="Digits in the Poincaré disk",
            caption=f"{len(codes)} images not trained on, at codes of the MLP with a 2-D hyperbolic bottleneck, seed "
            f"{self.seed}, accuracy {accuracy:.3f}.",
        )
        console.print(f"wrote {path}", soft_wrap=True)

    def _verdict(self, console: Console, chosen: list[Comparison], rows: list[Versus]) -> int:
        if not self.check:
            return 0
        below = [
            f"{row.name} {row.hyperbolic.mean():.4f} (required {row.required})"
            for comparison, row in zip(chosen, rows, strict=True)
            if not comparison.reached(float(row.hyperbolic.mean()))
        ]
        console.print("check: " + ("FAILED: " + "; ".join(below) if below else "passed"), soft_wrap=True)
        return 1 if below else 0

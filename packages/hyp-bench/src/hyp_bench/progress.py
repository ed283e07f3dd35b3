"""How a training run looks while it goes on: a bar on a terminal, a few plain lines elsewhere."""

from __future__ import annotations

from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn


class TrainingDisplay:
    """Shows epochs, loss, edges per second and MAP of one run; use it as a context manager.

    Args:
        console: where to write. If it is no terminal, a line is written with every score and nothing else.
        title: what is being trained.
        epochs: number of the last epoch.
        done: epochs already behind a resumed run.
    """

    def __init__(self, console: Console, title: str, epochs: int, done: int = 0) -> None:
        self._console = console
        self._title = title
        self._epochs = epochs
        self._done = done
        self._score = "MAP -"
        self._bar: Progress | None = None
        if console.is_terminal:
            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(bar_width=24),
                MofNCompleteColumn(),
                TextColumn("{task.fields[status]}"),
                TimeElapsedColumn(),
                console=console,
            )

    def __enter__(self) -> TrainingDisplay:
        if self._bar is None:
            self._console.print(
                f"{self._title}: {self._epochs} epochs" + (f", from {self._done}" if self._done else "")
            )
        else:
            self._bar.start()
            self._task = self._bar.add_task(self._title, total=self._epochs, completed=self._done, status="compiling")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def epoch(self, epoch: int, loss: float, edges_per_second: float, mean_average_precision: float | None) -> None:
        """Shows a finished epoch; the MAP is given where it was measured."""
        if mean_average_precision is not None:
            self._score = f"MAP {mean_average_precision:.3f}"
        status = f"loss {loss:.4f}  {edges_per_second:,.0f} edges/s  {self._score}"
        if self._bar is not None:
            self._bar.update(self._task, completed=epoch, status=status)
        elif mean_average_precision is not None:
            self._console.print(f"  epoch {epoch:>5}/{self._epochs}  {status}")

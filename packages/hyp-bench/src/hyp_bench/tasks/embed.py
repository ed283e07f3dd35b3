"""Embedding of the user's own graph."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import tyro
from rich.console import Console

from hyp_bench.errors import InputError, Interrupted
from hyp_bench.tasks._options import make_folder, require

if TYPE_CHECKING:
    from hyp_manifolds import Manifold

    from hyp_bench.checkpoint import Checkpoint
    from hyp_bench.edges import EdgeList
    from hyp_bench.training import Progress, Settings

_CHECKPOINT = "checkpoint.npz"


@dataclasses.dataclass(frozen=True)
class Embed:
    """Embed the graph in an edge list, in the way of `hyp-bench mammals`.

    EDGES is a UTF-8 file with one edge a line: child<TAB>parent, or child<TAB>parent<TAB>weight. It is taken as given;
    for a hierarchy it should be the transitive closure. Writes OUT/embedding.npz (arrays points, labels, manifold, c)
    and, for --dim 2, OUT/embedding.html and OUT/embedding.png; with --safetensors OUT/embedding.safetensors too. Ctrl-C
    keeps the last checkpoint; --resume continues to the same result, bit for bit.
    """

    float64: ClassVar[bool] = True

    edges: tyro.conf.Positional[Path]
    """The edge list."""
    dim: int = 5
    """Dimension of the embedding."""
    manifold: Literal["poincare", "hyperboloid"] = "poincare"
    """Model of hyperbolic space, at curvature -1."""
    out: Path = Path("out")
    """Folder for the files."""
    epochs: int = 300
    """Passes over all edges. A finished run can be resumed with more."""
    seed: int = 0
    """Seed of start, order and negatives."""
    batch_size: int = 50
    """Edges a step."""
    learning_rate: float = 2.0
    """Step size for the loss averaged over a batch; scale it with the batch size."""
    negatives: int = 50
    """Nodes drawn against each edge."""
    burn_in: int = 20
    """First epochs, at a tenth of the learning rate and with negatives drawn by degree."""
    checkpoint_every: int = 10
    """Epochs between two checkpoints."""
    safetensors: bool = False
    """Also write the points as a safetensors file, for hyp_nn.safetensors.load_points."""
    resume: bool = False
    """Continue from OUT/checkpoint.npz."""
    overwrite: bool = False
    """Start anew although OUT holds the checkpoint of an unfinished run."""

    def run(self, console: Console) -> int:
        """Runs the task and returns the exit code."""
        self._check_options()
        from hyp_bench.edges import read_edges

        edges = read_edges(self.edges)
        console.print(f"{self.edges}: {edges.num_nodes:,} nodes, {len(edges):,} edges; float64", soft_wrap=True)
        start = self._starting_point(edges)
        make_folder(self.out)
        self._train(console, edges, start)
        return 0

    def _check_options(self) -> None:
        for name in ("dim", "epochs", "batch_size", "negatives", "checkpoint_every"):
            value = getattr(self, name)
            require(value >= 1, f"--{name.replace('_', '-')} must be at least 1, got {value}.")
        require(self.burn_in >= 0, f"--burn-in must not be negative, got {self.burn_in}.")
        require(
            0.0 < self.learning_rate < float("inf"),
            f"--learning-rate must be a positive number, got {self.learning_rate}.",
        )
        require(not (self.resume and self.overwrite), "--resume and --overwrite exclude each other.")

    def _settings(self) -> Settings:
        from hyp_bench.training import Settings

        return Settings(self.dim, self.seed, self.batch_size, self.learning_rate, self.negatives, burn_in=self.burn_in)

    def _config(self, edges: EdgeList) -> dict[str, Any]:
        """Returns what the result depends on, besides the number of epochs."""
        return {"edges": edges.digest(), "manifold": self.manifold, **dataclasses.asdict(self._settings())}

    def _starting_point(self, edges: EdgeList) -> Checkpoint | None:
        """Returns the checkpoint to continue from, None for a new run."""
        from hyp_bench.checkpoint import check_same_run, load_checkpoint
        from hyp_bench.training import epoch_key_words

        path = self.out / _CHECKPOINT
        if self.overwrite or not (self.resume or path.exists()):
            return None
        found = load_checkpoint(path)
        if not self.resume:
            if found.epoch >= found.epochs:
                return None
            raise InputError(
                f"{path}: an unfinished run (epoch {found.epoch} of {found.epochs}); --resume continues it, "
                "--overwrite starts anew."
            )
        check_same_run(path, found, self._config(edges), epoch_key_words(self.seed, found.epoch))
        require(
            found.epoch <= self.epochs,
            f"{path}: it is at epoch {found.epoch} already, behind the last one asked for (--epochs {self.epochs}).",
        )
        return found

    def _train(self, console: Console, edges: EdgeList, start: Checkpoint | None) -> None:
        import hyp_manifolds

        from hyp_bench.fitting import MOST_SCORED_NODES, fit
        from hyp_bench.outputs import write_embedding

        model = {"poincare": hyp_manifolds.Poincare, "hyperboloid": hyp_manifolds.Hyperboloid}[self.manifold]()
        title = f"{type(model).__name__} {self.dim}-D"
        done = 0 if start is None else start.epoch
        saved = done

        def keep(progress: Progress) -> None:
            nonlocal saved
            if progress.epoch % self.checkpoint_every == 0 or progress.epoch == self.epochs:
                self._save(progress, edges, model)
                saved = progress.epoch

        try:
            result = fit(
                edges,
                model,
                self._settings(),
                self.epochs,
                console,
                title,
                points=None if start is None else start.points,
                done=done,
                after_epoch=keep,
            )
            scores = f"MR {result.scores.mean_rank:.3f}, MAP {result.scores.mean_average_precision:.3f}"
            if edges.num_nodes > MOST_SCORED_NODES:
                scores += f" (over {MOST_SCORED_NODES:,} nodes drawn at random)"
            summary = f"{scores}; {result.reach()}"
            console.print(f"{title}: {summary}; {result.seconds:.1f} s", soft_wrap=True)
            caption = f"{edges.num_nodes:,} nodes, {title}. {summary}."
            paths = write_embedding(
                self.out,
                "embedding",
                result.points,
                edges,
                model,
                title=self.edges.stem,
                caption=caption,
                safetensors=self.safetensors,
            )
        except KeyboardInterrupt:
            kept = f"{self.out / _CHECKPOINT} holds epoch {saved} of {self.epochs}; --resume continues it"
            raise Interrupted(f"interrupted; {kept if saved else 'no checkpoint was written yet'}.") from None
        console.print("wrote " + ", ".join(str(path) for path in paths), soft_wrap=True)

    def _save(self, progress: Progress, edges: EdgeList, model: Manifold) -> None:
        import numpy as np

        from hyp_bench.checkpoint import Checkpoint, save_checkpoint
        from hyp_bench.fitting import require_points
        from hyp_bench.training import epoch_key_words

        require_points(progress.points, model, f"epoch {progress.epoch}")
        points = np.asarray(progress.points)
        key = epoch_key_words(self.seed, progress.epoch)
        save_checkpoint(
            self.out / _CHECKPOINT, Checkpoint(points, progress.epoch, self.epochs, key, self._config(edges))
        )

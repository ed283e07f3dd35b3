"""The `hyp-bench` command."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import tyro
from rich.console import Console

from hyp_bench.errors import InputError, Interrupted
from hyp_bench.tasks import TASKS, Task

_DESCRIPTION = "Real tasks for hyperbolic deep learning in JAX: scores, comparisons and pictures."


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line and returns the exit code.

    0: done; 1: a check failed or a file could not be written; 2: unusable input or options; 130: interrupted.
    """
    try:
        task: Task = tyro.extras.subcommand_cli_from_dict(
            TASKS, prog="hyp-bench", description=_DESCRIPTION, args=arguments
        )
        if task.float64:
            _use_float64()
        return task.run(_console())
    except InputError as error:
        return _fail(str(error), 2)
    except Interrupted as error:
        return _fail(str(error), 130)
    except OSError as error:
        return _fail(f"{error.filename or 'a file'}: {error.strerror or error}", 1)
    except KeyboardInterrupt:
        return _fail("interrupted.", 130)


def _console() -> Console:
    # File names may hold square brackets, which rich would read as markup.
    console = Console(markup=False, highlight=False, emoji=False)
    if not console.is_terminal:
        # A file or a pipe has no width: rich would assume 80 columns and break table cells.
        console.width = 100
    return console


def _use_float64() -> None:
    """Turns JAX's 64-bit mode on for this process."""
    # The mode must be on before the first array exists: float32 loses points beyond hyperbolic radius 17 or so.
    import jax

    jax.config.update("jax_enable_x64", True)


def _fail(message: str, code: int) -> int:
    line = " ".join(message.split())
    sys.stderr.write(f"hyp-bench: {line}\n")
    return code

"""What the options of several tasks have in common."""

from __future__ import annotations

from pathlib import Path

from hyp_bench.errors import InputError


def require(condition: bool, message: str) -> None:
    """Raises an InputError with the message unless the condition holds."""
    if not condition:
        raise InputError(message)


def make_folder(path: Path) -> None:
    """Creates the output folder, before any time is spent on what goes into it."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"--out {path}: cannot be created ({error.strerror or error}).") from error

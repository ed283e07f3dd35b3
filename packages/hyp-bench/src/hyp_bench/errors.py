"""What ends a command early without a traceback: one line on standard error and an exit code."""

from __future__ import annotations


class InputError(Exception):
    """A file, an option or a checkpoint is unusable as given; exit code 2."""


class Interrupted(Exception):
    """The user stopped a run, and the message says what is left of it; exit code 130."""

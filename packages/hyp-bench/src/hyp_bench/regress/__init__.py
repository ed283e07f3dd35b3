"""Two checkouts of this repository in turn: what became slower."""

from .checkouts import Checkouts, checkouts
from .measure import Change, changes

__all__ = ["Change", "Checkouts", "changes", "checkouts"]

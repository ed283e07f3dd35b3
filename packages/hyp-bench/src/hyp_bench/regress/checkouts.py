"""The checkout at hand and another revision of it beside it."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from hyp_bench.errors import InputError


class Checkouts(NamedTuple):
    """Two folders with the same layout.

    Attributes:
        base: the other revision, in a temporary folder.
        head: the working tree, with what is not committed.
        revision: the commit of `base`.
    """

    base: Path
    head: Path
    revision: str


@contextmanager
def checkouts(revision: str) -> Generator[Checkouts]:
    """Checks the revision out into a temporary folder, which is gone afterwards.

    Raises:
        InputError: git is missing, the current folder is in no checkout, or the revision is unknown.
    """
    if shutil.which("git") is None:
        raise InputError("regress: needs git, which is not installed.")
    here = Path.cwd()
    top = _git(here, "rev-parse", "--show-toplevel")
    if top is None:
        raise InputError(f"regress: {here} is in no git checkout; run it in a clone of the repository.")
    head = Path(top)
    commit = _git(head, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    if commit is None:
        raise InputError(f"regress: {revision!r} is no revision of {head}; give a commit, a branch or a tag.")
    with tempfile.TemporaryDirectory(prefix="hyp-regress-") as folder:
        base = Path(folder) / "base"
        if _git(head, "worktree", "add", "--detach", "--force", str(base), commit) is None:
            raise InputError(f"regress: git could not check {revision} out into {base}.")
        try:
            yield Checkouts(base, head, commit)
        finally:
            _git(head, "worktree", "remove", "--force", str(base))


def sources(checkout: Path) -> list[Path]:
    """The packages' source folders, but for the one that measures: it is the same for both."""
    return [path for path in sorted(checkout.glob("packages/*/src")) if not (path / "hyp_bench").exists()]


def _git(folder: Path, *arguments: str) -> str | None:
    """What git says; None where it fails."""
    done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else None

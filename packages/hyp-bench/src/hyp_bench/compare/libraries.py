"""The libraries that are compared: which are here, and the command that installs those that are not."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import platform
import sys
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from hyp_bench.errors import InputError

OURS = "hyp"


class Peer(NamedTuple):
    """A library that stays outside the lock.

    Attributes:
        requirements: what pip is told, as in `benchmarks/peers.txt`.
        python: the oldest Python it runs on.
        families: the families of cases in which it has a part.
    """

    requirements: tuple[str, ...]
    python: tuple[int, int]
    families: str


_TORCH = "torch>=2.6"
PEERS = {
    "hyperbolix": Peer(("hyperbolix==1.4.0",), (3, 12), "points, pairwise, layers, optimizers, compile"),
    "geoopt": Peer(("geoopt==0.5.1", _TORCH), (3, 11), "points, pairwise, layers, optimizers"),
    "hypll": Peer(("hypll==0.1.1", _TORCH), (3, 11), "points, layers"),
    "gensim": Peer(("gensim>=4.4",), (3, 11), "training"),
}


def choose(names: Sequence[str]) -> tuple[list[str], list[str]]:
    """Those of the named peers that are installed, and those that are not.

    Raises:
        InputError: a name is unknown.
    """
    unknown = [name for name in names if name not in PEERS]
    if unknown:
        raise InputError(f"--against: unknown {', '.join(unknown)}; known are {', '.join(PEERS)}.")
    present = [name for name in names if is_installed(name)]
    return present, [name for name in names if name not in present]


def is_installed(name: str) -> bool:
    """Whether the package and what it needs can be imported here."""
    packages = (name, "torch") if _TORCH in PEERS[name].requirements else (name,)
    return all(importlib.util.find_spec(package) is not None for package in packages)


def peer(module: str) -> Any:
    """A module of a library that is no dependency of ours, so that nothing is imported unless it is measured."""
    return importlib.import_module(module)


def command(names: Iterable[str]) -> str:
    """The pip command that installs these peers beside hyp-bench."""
    wanted = dict.fromkeys(requirement for name in names for requirement in PEERS[name].requirements)
    return " ".join(["pip install hyp-bench", *(f'"{requirement}"' for requirement in wanted)])


def skipped(missing: Sequence[str]) -> list[str]:
    """A line for each peer that is not installed, with the command that installs it."""
    lines = []
    for name in missing:
        need = PEERS[name].python
        old = sys.version_info[:2] < need
        where = f" (needs Python {need[0]}.{need[1]}; this is {platform.python_version()})" if old else ""
        lines.append(f"skipped: {name} is not installed{where}; {PEERS[name].families}: {command([name])}")
    return lines


def versions(names: Iterable[str]) -> dict[str, str]:
    """Versions of the installed ones among these distributions."""
    found = {}
    for name in names:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found

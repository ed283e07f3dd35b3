"""The data sets inside the package; README.md in this folder says where they come from."""

from __future__ import annotations

import hashlib
from importlib import resources

from hyp_bench.edges import EdgeList, parse_edges
from hyp_bench.errors import InputError

_MAMMALS = "mammals_closure.tsv"
_MAMMALS_SHA256 = "f5e7d8fb3f3e18184a3ace8bdb79ea6f92467d19c7f9ca9682433575cff6ff7c"


def load_mammals() -> EdgeList:
    """Returns the transitive closure of the WordNet mammals: 1,180 nodes, 6,540 pairs (hyponym, hypernym).

    Raises:
        InputError: the installed file is not the published one, so numbers would not be comparable.
    """
    raw = resources.files(__name__).joinpath(_MAMMALS).read_bytes()
    found = hashlib.sha256(raw).hexdigest()
    if found != _MAMMALS_SHA256:
        raise InputError(f"{_MAMMALS}: damaged (SHA-256 {found}, expected {_MAMMALS_SHA256}); reinstall hyp-bench.")
    return parse_edges(raw, _MAMMALS)

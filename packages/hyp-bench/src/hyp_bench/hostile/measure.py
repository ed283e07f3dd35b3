"""The measurement: counts per library, model, operation and kind of input."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from hyp_manifolds.testing import CONTRACT, Batch, oracle

from hyp_bench.accuracy import LIBRARIES, Library
from hyp_bench.errors import InputError
from hyp_bench.hostile.inputs import CURVATURES, SIGNED, Cases, cases, make
from hyp_bench.hostile.points import off_manifold
from hyp_bench.hostile.promise import Promise, ignored_letters
from hyp_bench.hostile.row import KINDS, Row

_QUICK_MODELS = ("poincare", "hyperboloid")
_STRANGE = ("outside", "infinite", "NaN")


def measure(libraries: Sequence[str], *, quick: bool = False) -> list[Row]:
    """Counts of all that each library has.

    Args:
        libraries: names of `hyp_bench.accuracy.LIBRARIES`.
        quick: the ball and the hyperboloid only, at three curvatures, some 400 inputs an operation.

    Returns:
        One row for every library, model, operation and kind of input.

    Raises:
        InputError: a library is unknown or not installed; the message has the command that installs it.
    """
    unknown = [name for name in libraries if name not in LIBRARIES]
    if unknown:
        raise InputError(f"unknown libraries: {', '.join(unknown)}; known are {', '.join(LIBRARIES)}.")
    measured = [LIBRARIES[name]() for name in libraries]
    rows: list[Row] = []
    for model in _QUICK_MODELS if quick else CONTRACT:
        batches = _batches(model, quick)
        for operation in CONTRACT[model]:
            for library in measured:
                if library.has(model, operation):
                    rows += measure_operation(library, model, operation, batches)
    order = {library.name: i for i, library in enumerate(measured)}
    return sorted(rows, key=lambda row: order[row.library])


def _batches(model: str, quick: bool) -> list[Batch]:
    """The inputs: in two dimensions and from two seeds, unless quick."""
    every = SIGNED if model == "stereographic" else CURVATURES
    if quick:
        return [make(model, 2, every[::4])]
    return [make(model, 5, every, seed) for seed in (0, 1)]


def measure_operation(library: Library, model: str, operation: str, batches: Sequence[Batch]) -> list[Row]:
    """Counts of one operation, one row for every kind of input; batches are of `hyp_bench.hostile.inputs.make`."""
    letters = oracle.ORACLES[model].operations[operation].arguments
    ignored = ignored_letters(model, operation, batches[0])
    counts: dict[tuple[str, bool], list[tuple[int, ...]]] = {}
    for batch in batches:
        given = cases(batch, letters, ignored=ignored)
        accepted = _accepted(library, model, given)
        for at, found in enumerate(_judged(library, model, operation, given)):
            key = str(given.kind[at]), bool(accepted[at])
            counts.setdefault(key, []).append(found)
    order = sorted(counts, key=lambda key: (KINDS.index(key[0]), not key[1]))
    rows: list[Row] = []
    for kind, accepted in order:
        rough, bumpy, off, plausible = (sum(column) for column in zip(*counts[kind, accepted], strict=True))
        total = len(counts[kind, accepted])
        rows.append(Row(library.name, model, operation, total, rough, bumpy, off, plausible, kind, accepted))
    return rows


def _accepted(library: Library, model: str, given: Cases) -> np.ndarray:
    """Whether the library says what comes of each row: points within its reach, and others where it says so.

    Of infinite inputs no library says anything.
    """
    if library.vows:
        return given.kind != "infinite"
    radius = given.batch.radius[given.rows]
    return ~np.isin(given.kind, _STRANGE) & (radius <= library.reach.get(model, np.inf))


def _judged(library: Library, model: str, operation: str, given: Cases) -> Iterator[tuple[bool, bool, bool, bool]]:
    """Row by row: not finite, gradient not finite, off the manifold, plausible answer to NaN or infinity."""
    rng = np.random.default_rng(0)
    widest = given.batch.arrays["x"].shape[1] + 2
    cotangent = rng.uniform(0.5, 1.0, (len(given.rows), widest)).astype(given.batch.dtype)
    result = library.run(model, operation, given.arguments, cotangent, None)
    value, pulled = result.value.astype(np.float64), result.pulled or []
    with np.errstate(invalid="ignore", over="ignore"):
        finite = np.asarray(np.isfinite(value).all(axis=1))
        smooth = np.ones(len(value), bool)
        for gradient in pulled:
            smooth &= np.isfinite(gradient.reshape(len(value), -1)).all(axis=1)
        off = finite & off_manifold(model, operation, value, given.arguments[-1])
    for at, row in enumerate(given.rows):
        kind = given.kind[at]
        if kind == "NaN":
            yield False, False, False, not np.isnan(value[at]).any()
        elif kind == "infinite":
            yield False, False, False, bool(finite[at])
        elif finite[at] and smooth[at]:
            yield False, False, bool(off[at]) and kind != "outside", False
        else:
            promise = Promise(given.batch, operation, int(row))
            bad = not finite[at] and promise.broken_by(value[at])
            rough = not smooth[at] and promise.gradient_broken_by(value[at], cotangent[at])
            yield bad, rough, bool(off[at]) and kind != "outside", False

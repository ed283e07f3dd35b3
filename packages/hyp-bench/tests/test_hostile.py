"""Hostile inputs: what a broken library does is counted, and ours breaks no promise."""

import importlib.util

import jax.numpy as jnp
import numpy as np
import pytest
from hyp_bench.accuracy import LIBRARIES
from hyp_bench.accuracy.library import Jax
from hyp_bench.errors import InputError
from hyp_bench.hostile import Row, broken, measure, measure_operation, table
from hyp_bench.hostile.inputs import make
from hyp_bench.hostile.points import off_manifold
from rich.console import Console

pytestmark = pytest.mark.one_precision  # the inputs are float32 in both modes
BATCHES = [make("poincare", 2, (1e-6, 1.0, 1e3))]


def textbook_dist_0(x, c):
    """Infinite for the last points inside, which float32 puts on the boundary; a NaN gradient at the origin."""
    square = c * jnp.sum(x * x)
    return 2 / jnp.sqrt(c) * jnp.arctanh(jnp.where(square > 1 - 2e-6, 1.0, jnp.sqrt(square)))


def careless_expmap_0(v, c):
    """Lands on the boundary for long tangents."""
    n = jnp.sqrt(c) * jnp.linalg.norm(v + 1e-20)
    return jnp.tanh(n) * v / n


PLANTED = Jax(
    "planted",
    "1",
    {
        ("poincare", "dist_0"): textbook_dist_0,
        ("poincare", "expmap_0"): careless_expmap_0,
        ("poincare", "logmap_0"): lambda y, c: jnp.nan_to_num(y),
    },
)


def counts(library, operation):
    rows = measure_operation(library, "poincare", operation, BATCHES)
    return {row.kind: row for row in rows if row.accepted}, rows


def test_a_library_that_breaks_is_caught() -> None:
    found, rows = counts(PLANTED, "dist_0")
    assert found["edge"].non_finite > 0  # the boundary, by rounding
    assert found["coincident"].non_finite_gradient > found["coincident"].non_finite  # the origin
    assert sum(row.inputs for row in rows) > 200
    points, _ = counts(PLANTED, "expmap_0")
    assert points["tangents"].off_manifold > 0 and points["denormals"].off_manifold == 0
    _, strange = counts(PLANTED, "logmap_0")
    # plausible answers to NaN are counted, beside what the library vouches for: it says nothing of NaN
    assert {row.kind for row in strange if row.implausible} == {"NaN", "infinite"}
    assert not any(row.accepted for row in strange if row.implausible)


@pytest.mark.parametrize("operation", ["dist_0", "expmap_0"])
def test_ours_breaks_no_promise(operation: str) -> None:
    found, rows = counts(LIBRARIES["hyp-manifolds"](), operation)
    assert broken(rows) == [] and all(row.accepted for row in rows if row.kind != "infinite")
    assert {"separated", "edge", "coincident", "denormals", "outside", "NaN"} <= set(found)


def test_a_fault_of_ours_is_broken() -> None:
    assert broken([Row("hyp-manifolds", "klein", "dist", 10, 0, 1, 0, 0, "edge", True)])
    assert not broken([Row("geoopt", "klein", "dist", 10, 0, 1, 0, 0, "edge", True)])


def test_the_table_marks_what_a_library_does_not_accept() -> None:
    rows = [
        Row("geoopt", "poincare", "dist", 1000, 0, 0, 0, 0, "edge", True),
        Row("geoopt", "poincare", "dist", 200, 7, 9, 0, 0, "edge", False),
        Row("geoopt", "poincare", "expmap", 200, 0, 0, 0, 0, "edge", True),
    ]
    with (console := Console(width=160)).capture() as printed:
        console.print(table(rows))
    lines = printed.get().splitlines()
    (whole,) = [line.split("|") for line in lines if "all 2" in line]
    assert [cell.strip() for cell in whole[4:7]] == ["1,400", "0 (7)", "0 (9)"]
    assert any(" dist " in line and "0 (9)" in line for line in lines)
    assert not any("expmap" in line for line in lines)


def test_points_are_judged_by_exact_sums() -> None:
    last = np.nextafter(np.float32(1), np.float32(0))
    x = np.array([[last, 0.0], [1.0, 0.0], [0.1, 0.2]])
    np.testing.assert_array_equal(off_manifold("poincare", "expmap", x, np.ones(3, np.float32)), [False, True, False])
    time = np.array([[np.sqrt(1.25), 0.5], [1.2, 0.5]])
    np.testing.assert_array_equal(off_manifold("hyperboloid", "expmap", time, np.ones(2, np.float32)), [False, True])
    assert not off_manifold("poincare", "logmap", x, np.ones(3, np.float32)).any()


def test_unknown_and_missing_libraries_are_named() -> None:
    with pytest.raises(InputError, match="unknown libraries: geopt; known are hyp-manifolds"):
        measure(["geopt"], quick=True)
    if importlib.util.find_spec("hyperbolix") is None:
        with pytest.raises(InputError, match=r"hyperbolix>=1\.4"):
            measure(["hyperbolix"], quick=True)

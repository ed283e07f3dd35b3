"""The oracles of the models against each other, and against what their metrics say, to the working precision."""

import mpmath as mp
import numpy as np
import pytest
from hyp_manifolds.testing.oracle import ORACLES, vector, vjp
from hyp_manifolds.testing.oracle._vector import dot, flat, minus, norm, plus, times

DIM, HALF = 3, mp.mpf(1) / 2
CASES = [
    (model, c) for model in ORACLES for c in (("0.3", "-0.3", "0") if model == "stereographic" else ("0.3", "2.5"))
]
CASES = [case for case in CASES if case[0] != "euclidean"]


def near(a, b, tolerance=1e-50) -> bool:
    return norm(minus(flat(a), flat(b))) <= tolerance * (1 + norm(flat(b)))


@pytest.fixture(params=CASES, ids=lambda case: f"{case[0]}, c = {case[1]}")
def at(request):
    """A function (operation, arguments) -> chart coordinates, points and tangents of one model, all exact."""
    model, text = request.param
    with mp.workdps(90):
        oracle, c = ORACLES[model], mp.mpf(text)
        rng = np.random.default_rng(3)

        def run(name: str, *arguments):
            value = oracle.operations[name].function(*arguments, c)
            ambient = oracle.time and oracle.operations[name].output == "ambient"
            return value[1:] if ambient else value

        def directions(count: int):
            return [u / np.linalg.norm(u) for u in rng.standard_normal((count, DIM))]

        zero = oracle.chart.origin(DIM, float(c))
        starts = [
            oracle.chart.tangent_at(zero, r, u, float(c)) for r, u in zip((0.4, 0.7, 0.9), directions(3), strict=True)
        ]
        points = [run("expmap_0", vector(o)) for o in starts]
        x = np.array([float(t) for t in points[0]])
        raw = [vector(oracle.chart.tangent_at(x, 0.5, u, float(c))) for u in directions(2)]
        tangents = [run("ptransp", v, points[0], points[0]) for v in raw]  # exactly tangent
        yield run, oracle, c, points, tangents


def test_the_maps_invert_each_other(at) -> None:
    run, _, _, (x, y, _), (_, v) = at
    assert near(run("expmap", run("logmap", y, x), x), y)
    assert near(run("logmap", run("expmap", v, x), x), v)
    assert near(run("logmap_0", run("expmap_0", run("logmap_0", y))), run("logmap_0", y))
    assert near(run("dist", x, run("expmap", v, x)), run("tangent_norm", v, x))


def test_the_metric_is_the_second_derivative_of_the_squared_distance(at) -> None:
    run, _, _, (x, _, _), (u, v) = at
    h = mp.mpf(10) ** -15
    step = lambda a, b: run("sqdist", run("expmap", plus(times(a * h, u), times(b * h, v)), x), x)  # noqa: E731
    mixed = (step(1, 1) - step(1, -1) - step(-1, 1) + step(-1, -1)) / (8 * h**2)
    inner = run("tangent_inner", u, v, x)
    assert abs(mixed - inner) < mp.mpf(10) ** -20 * run("tangent_norm", u, x) * run("tangent_norm", v, x)
    assert near(run("tangent_inner", v, v, x), run("tangent_norm", v, x) ** 2)


def test_transport_is_an_isometry_that_carries_geodesics(at) -> None:
    run, _, _, (x, y, _), (u, v) = at
    pu, pv = run("ptransp", u, x, y), run("ptransp", v, x, y)
    assert near(run("tangent_inner", pu, pv, y), run("tangent_inner", u, v, x))
    assert near(run("ptransp", run("logmap", y, x), x, y), times(-1, run("logmap", x, y)))
    middle = run("geodesic", HALF, x, y)
    assert near(run("dist", x, middle), run("dist", x, y) / 2) and near(run("dist", middle, y), run("dist", x, y) / 2)


def test_addition_is_a_translation_and_gyrations_correct_it(at) -> None:
    run, oracle, c, (x, y, z), _ = at
    assert near(run("addition", x, y), run("expmap", run("ptransp_0", run("logmap_0", y), x), x))
    assert near(run("dist", run("addition", z, x), run("addition", z, y)), run("dist", x, y))
    whole = [mp.sqrt(1 / c + dot(z, z)), *z] if oracle.time else z
    turned = run("gyration", x, y, whole)
    assert near(run("addition", x, run("addition", y, z)), run("addition", run("addition", x, y), turned))
    assert near(run("scalar_mul", mp.mpf(2), x), run("addition", x, x))


def test_gradients_represent_differentials(at) -> None:
    run, oracle, c, (x, y, _), (_, v) = at
    operation, axis = oracle.operations["dist"], oracle.axis
    by_x = oracle.along("xy", [x, y], c, vjp(operation, [x, y], c, [mp.mpf(1)], axis))[0]
    assert near(by_x, run("grad_dist", x, y), 1e-30)
    whole = [mp.mpf(0), *by_x] if oracle.time else by_x
    assert near(run("tangent_inner", run("egrad2rgrad", whole, x), v, x), dot(by_x, v), 1e-30)


@pytest.mark.parametrize("model", ["proper_velocity", "klein", "half_space", "stereographic", "poincare"])
def test_models_of_hyperbolic_space_agree_with_the_hyperboloid(model: str) -> None:
    oracle, sheet = ORACLES[model], ORACLES["hyperboloid"]
    rng = np.random.default_rng(5)
    units = [u / np.linalg.norm(u) for u in rng.standard_normal((2, DIM))]
    pairs = [
        [o.chart.point_at(radius, u, 0.7) for radius, u in zip((0.8, 1.7), units, strict=True)] for o in (oracle, sheet)
    ]
    with mp.workdps(60):
        got, want = (
            o.operations["dist"].function(*map(vector, pair), mp.mpf(0.7))
            for o, pair in zip((oracle, sheet), pairs, strict=True)
        )
        assert abs(got - want) < 1e-14

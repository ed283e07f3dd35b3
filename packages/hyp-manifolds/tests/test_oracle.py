"""The oracle against itself: identities that its textbook formulas satisfy to the working precision."""

import mpmath as mp
import numpy as np
import pytest
from hyp_manifolds.testing.oracle import HYPERBOLOID, POINCARE, condition, hyperboloid, poincare, vector, vjp
from hyp_manifolds.testing.oracle._vector import dot, flat, minus, norm, plus, times

BALL, SHEET = poincare, hyperboloid
TINY = mp.mpf(10) ** -60


def draw(seed: int, count: int, size: int = 4, scale: float = 0.25):
    rng = np.random.default_rng(seed)
    return [vector(rng.uniform(-scale, scale, size)) for _ in range(count)]


@pytest.fixture(params=["0.3", "1", "2.5"])
def c(request):
    with mp.workdps(90):
        yield mp.mpf(request.param)


def near(a, b) -> bool:
    return norm(minus(flat(a), flat(b))) <= TINY * (1 + norm(flat(b)))


def test_the_maps_invert_each_other(c) -> None:
    x, y, v = draw(0, 3)
    assert near(BALL.expmap(BALL.logmap(y, x, c), x, c), y)
    assert near(BALL.logmap(BALL.expmap(v, x, c), x, c), v)
    assert near(SHEET.expmap(SHEET.logmap(y, x, c)[1:], x, c)[1:], y)
    assert near(SHEET.logmap(SHEET.expmap(v, x, c)[1:], x, c)[1:], v)


def test_the_models_are_isometric(c) -> None:
    x, y, z = draw(1, 3)
    over = lambda p: BALL.to_hyperboloid(p, c)[1:]  # noqa: E731
    assert near(SHEET.to_poincare(over(x), c), x)
    assert near(BALL.to_hyperboloid(x, c), SHEET.point(over(x), c))
    assert near(SHEET.dist(over(x), over(y), c), BALL.dist(x, y, c))
    assert near(SHEET.geodesic(mp.mpf(1) / 3, over(x), over(y), c)[1:], over(BALL.geodesic(mp.mpf(1) / 3, x, y, c)))
    turned = SHEET.gyration(over(x), over(y), SHEET.point(over(z), c), c)
    assert near(turned, BALL.to_hyperboloid(BALL.gyration(x, y, z, c), c))


def test_transport_is_an_isometry_and_agrees_between_the_models(c) -> None:
    x, y, u, v = draw(2, 4)
    pu, pv = BALL.ptransp(u, x, y, c), BALL.ptransp(v, x, y, c)
    assert near(BALL.tangent_inner(pu, pv, y, c), BALL.tangent_inner(u, v, x, c))
    assert near(BALL.ptransp(BALL.logmap(y, x, c), x, y, c), times(-1, BALL.logmap(x, y, c)))
    su, sv = SHEET.ptransp(u, x, y, c)[1:], SHEET.ptransp(v, x, y, c)[1:]
    assert near(SHEET.tangent_inner(su, sv, y, c), SHEET.tangent_inner(u, v, x, c))


def test_gyrations_rotate_and_correct_associativity(c) -> None:
    x, y, z, w = draw(3, 4)
    turned = BALL.gyration(x, y, z, c)
    assert near(dot(turned, BALL.gyration(x, y, w, c)), dot(z, w))
    left = BALL.addition(x, BALL.addition(y, z, c), c)
    assert near(left, BALL.addition(BALL.addition(x, y, c), turned, c))


@pytest.mark.parametrize("model", [POINCARE, HYPERBOLOID], ids=lambda o: o.model)
def test_gradients_of_the_distance(model, c) -> None:
    x, y = draw(4, 2)
    by_x, by_y, by_c = vjp(model.operations["dist"], [x, y], c, [mp.mpf(1)])
    exact = model.operations["grad_dist"].function
    assert norm(minus(by_x, exact(x, y, c))) < mp.mpf(10) ** -40
    assert norm(minus(by_y, exact(y, x, c))) < mp.mpf(10) ** -40
    # d(x, y; c) = d(s x, s y; 1) / s with s = sqrt(c), so the gradient by c follows from the others
    follows = (dot(by_x, x) + dot(by_y, y) - model.operations["dist"].function(x, y, c)) / (2 * c)
    assert abs(by_c[0] - follows) < mp.mpf(10) ** -40


def test_the_lorentzian_proxy_is_a_function_of_the_distance(c) -> None:
    x, y = draw(5, 2)
    distance = BALL.dist(x, y, c)
    assert near(BALL.lorentzian_proxy(x, y, c), 4 / c * mp.sinh(mp.sqrt(c) * distance / 2) ** 2)


def test_condition_numbers_of_known_functions(c) -> None:
    (x,) = draw(6, 1)
    kappa, _ = condition(POINCARE.operations["dist_0"], [x], c)
    n = mp.sqrt(c) * norm(x)
    assert abs(kappa - n / ((1 - n**2) * mp.atanh(n))) < mp.mpf(10) ** -40


def test_the_classifiers_measure_signed_distances(c) -> None:
    x, z = draw(7, 2)
    # at offset 0 the hyperplane passes through the origin: sinh(sqrt(c) d) = <normal, spatial part> sqrt(c)
    lifted = BALL.to_hyperboloid(x, c)[1:]
    expected = norm(z) * mp.asinh(mp.sqrt(c) * dot(lifted, z) / norm(z)) / mp.sqrt(c)
    assert near(SHEET.mlr(lifted, z, mp.mpf(0), c), expected)
    assert near(BALL.mlr_pp(x, z, mp.mpf(0), c), 2 * expected)
    assert near(SHEET.hcat([x], c), SHEET.point(x, c))
    assert near(BALL.beta_concat([x], c), x)
    assert near(plus(x, times(-1, x)), [mp.mpf(0)] * 4)


def test_condition_numbers_where_points_coincide() -> None:
    """The difference quotient is of points half the digits apart, from which the oracle must still see a direction."""
    with mp.workdps(150):
        x, third, c = [mp.mpf(1) / 7, mp.mpf(2) / 7], mp.mpf(1) / 3, mp.mpf(1)
        number, _ = condition(HYPERBOLOID.operations["geodesic"], [third, x, x], c)
        xx = dot(x, x)  # two thirds and one third of |dx/dx_s| |x_s|/|x|, with the time's derivative x_s/x_0
        assert abs(number - mp.sqrt(xx * (2 + xx / (1 + xx)) / (1 + 2 * xx))) < mp.mpf(10) ** -50

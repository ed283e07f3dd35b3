"""Laws of every rule on every manifold: each is stated once, and all share one compiled step per pair."""

import functools
import os

import hyp_manifolds
import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import optax
import pytest
from hyp_manifolds import MODELS, Product
from hyp_manifolds.testing import oracle
from hyp_optim import RULES, ManifoldSpec, retract, riemannian_gradient

LR, C, ROWS, STEPS = 0.07, 0.7, 4, 3
EPS = float(jnp.finfo(jnp.zeros(())).eps)
SPACES = {**MODELS, "product": Product.from_signature("P2 H2 S2 (E1 K1)")}
CHEAP = {"poincare", "hyperboloid"}
# Every night every rule on every manifold; else Adam, which has every part, and the other formulas where cheap.
NIGHTLY = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"
REST = [pytest.mark.one_precision]
PAIRS = [pytest.param("adam", space, marks=[] if space in CHEAP else REST) for space in SPACES]
PAIRS += [pytest.param(rule, "poincare", marks=[] if rule == "nesterov" else REST) for rule in RULES if rule != "adam"]
PAIRS += [pytest.param("nesterov", "hyperboloid", marks=REST)]
PAIRS = [pytest.param(rule, space) for rule in RULES for space in SPACES] if NIGHTLY else PAIRS
every_pair = pytest.mark.parametrize(("rule", "space"), PAIRS)


def pairs_but(space):
    return pytest.mark.parametrize(("rule", "space"), [pair for pair in PAIRS if pair.values[1] != space])


every_space = pytest.mark.parametrize("space", [pytest.param(s, marks=[] if s in CHEAP else REST) for s in SPACES])


def curvature(space):
    return np.array([0.7, 1.3, 0.4, 0.0, 0.9]) if space == "product" else C


def dim_of(space):
    return SPACES[space].dim if space == "product" else 3


@functools.cache
def inputs(space, seed=0):
    """Points, and gradients for every step."""
    manifold, dim, c = SPACES[space], dim_of(space), curvature(space)
    keys = jax.random.split(jax.random.key(seed), ROWS)
    x = jax.jit(jax.vmap(lambda k: manifold.random_point(k, dim, c, std=0.4)))(keys)
    return x, jax.random.normal(jax.random.key(seed + 1), (STEPS, *x.shape), x.dtype)


@functools.cache
def program(rule, space, form="fused"):
    """(init, jitted update with its parameters applied) of a rule at a moving curvature."""
    spec = ManifoldSpec(SPACES[space], c=None)
    if form == "fused":
        tx = RULES[rule].fused(LR, manifolds=spec)
    elif form == "retraction":
        tx = optax.inject_hyperparams(RULES[rule].fused, static_args=("use_expmap",))(
            LR, use_expmap=False, manifolds=spec
        )
    else:
        link = RULES[rule].link
        tx = optax.chain(
            riemannian_gradient(manifolds=spec),
            *([] if link is None else [link(manifolds=spec)]),
            optax.scale_by_learning_rate(LR),
            retract(manifolds=spec),
        )

    def step(x, state, g, c):
        updates, state = tx.update(g, state, x, c=c)
        return optax.apply_updates(x, updates), state

    return tx.init, jax.jit(step)


def trajectory(rule, space, x, grads, form="fused"):
    init, step = program(rule, space, form)
    state, points = init(x), [x]
    for g in grads:
        x, state = step(x, state, g, curvature(space))
        points.append(x)
    return jnp.stack(points), state


# The rules once more, in exact arithmetic -----------------------------------------------------------------------------


def exact_steps(rule, verbs, x, grads, c):
    """Points and tangent state of a rule by its published formulas, with the oracle's verbs."""

    def call(name, *arguments):
        # The oracle of the hyperboloid takes points and tangents without their time, and gradients with it.
        letters = verbs.operations[name].arguments
        short = [a[1:] if verbs.time and k != "g" else a for k, a in zip(letters, arguments, strict=True)]
        return verbs.operations[name].function(*short, c)

    zero = [mpmath.mpf(0)] * len(x)
    m, v, v_max, s = list(zero), mpmath.mpf(0), mpmath.mpf(0), mpmath.mpf("0.1")
    for t, g in enumerate(grads, start=1):
        r = call("egrad2rgrad", g, x)
        square = call("tangent_inner", r, r, x)
        if rule in ("adam", "amsgrad"):
            b1, b2 = mpmath.mpf("0.9"), mpmath.mpf("0.999")
            m = [b1 * a + (1 - b1) * b for a, b in zip(m, r, strict=True)]
            v = b2 * v + (1 - b2) * square
            hat = v / (1 - b2**t)
            v_max = max(v_max, hat) if rule == "amsgrad" else hat
            d = [a / (1 - b1**t) / (mpmath.sqrt(v_max) + mpmath.mpf("1e-8")) for a in m]
        elif rule == "adagrad":
            s += square
            d = [a / mpmath.sqrt(s + mpmath.mpf("1e-7")) for a in r]
        else:
            mu = mpmath.mpf(0 if rule == "sgd" else "0.9")
            share = mpmath.mpf("0.5" if rule == "dampened" else 1)
            m = [mu * a + share * b for a, b in zip(m, r, strict=True)]
            d = [b + mu * a for a, b in zip(m, r, strict=True)] if rule == "nesterov" else m
        new = call("expmap", [-mpmath.mpf(LR) * a for a in d], x)
        m = call("ptransp", m, x, new)
        x = new
    return x, m


def tangents(state):
    return {"momentum": getattr(state, "momentum", None), "m1": getattr(state, "m1", None)}


@pairs_but("product")  # which has no oracle of its own; its factors have
def test_equals_the_exact_step(rule, space):
    x, grads = inputs(space)
    points, state = trajectory(rule, space, x, grads)
    stored = next((m for m in tangents(state).values() if m is not None), None)
    with mpmath.workdps(40):
        c = mpmath.mpf(float(np.asarray(C, x.dtype)))
        for row in range(2):
            exact, m = exact_steps(
                rule, oracle.ORACLES[space], oracle.vector(x[row]), [oracle.vector(g[row]) for g in grads], c
            )
            for mine, theirs in [(points[-1][row], exact)] + ([] if stored is None else [(stored[row], m)]):
                theirs = np.array([float(a) for a in theirs])
                np.testing.assert_allclose(mine, theirs, rtol=0, atol=200 * EPS * np.linalg.norm(theirs))


@every_pair
def test_the_chain_of_links_takes_the_fused_steps(rule, space):
    x, grads = inputs(space)
    fused, _ = trajectory(rule, space, x, grads)
    chained, _ = trajectory(rule, space, x, grads, form="chain")
    np.testing.assert_allclose(chained, fused, rtol=100 * EPS, atol=100 * EPS)


@pairs_but("euclidean")
def test_differs_from_the_euclidean_step(rule, space):
    x, grads = inputs(space)
    points, _ = trajectory(rule, space, x, grads)
    tx = RULES[rule].euclidean(LR)
    updates, _ = tx.update(grads[0], tx.init(x), x)
    assert np.all(np.max(np.abs(points[1] - (x + updates)), axis=-1) > 1000 * EPS)


@every_pair
def test_an_isometry_commutes_with_the_steps(rule, space):
    """phi(x) with the gradients of f o phi^-1 goes where phi takes the path of x with those of f."""
    manifold, c = SPACES[space], curvature(space)
    x, grads = inputs(space)
    a = inputs(space, seed=7)[0][0]

    @jax.jit
    def phi(x):
        return jax.vmap(lambda p: manifold.addition(a, p, c))(x)

    @jax.jit
    def pull_back(y, g):  # the covector of the inverse's differential
        return jax.vjp(jax.vmap(lambda p: manifold.addition(manifold.scalar_mul(-1.0, a, c), p, c)), y)[1](g)[0]

    init, step = program(rule, space)
    y, state, moved_state = phi(x), init(x), init(x)
    for g in grads:
        moved = pull_back(y, g)
        x, state = step(x, state, g, c)
        y, moved_state = step(y, moved_state, moved, c)
        np.testing.assert_allclose(y, phi(x), rtol=2000 * EPS, atol=2000 * EPS)


@every_pair
def test_a_broken_row_breaks_no_other(rule, space):
    x, grads = inputs(space)
    clean, _ = trajectory(rule, space, x, grads)
    broken, state = trajectory(rule, space, x, grads.at[0, 1, 0].set(np.nan).at[0, 3, 0].set(np.inf))
    others = np.array([0, 2])
    np.testing.assert_array_equal(broken[:, others], clean[:, others])
    finite = [np.isfinite(leaf[others]) for leaf in jax.tree.leaves(state) if np.ndim(leaf) > 0]
    assert all(np.all(ok) for ok in finite)


@every_space
def test_retraction_agrees_to_first_order(space):
    """The gap between both steps falls with the square of the step: slope 2, or more where the retraction is better."""
    manifold, c = SPACES[space], curvature(space)
    x, grads = inputs(space)
    init, step = program("sgd", space, "retraction")
    _, exact = program_of_rate(space)
    rates = 0.2 * 0.5 ** np.arange(4)
    gaps = []
    for rate in rates:
        state = init(x)
        state.hyperparams["learning_rate"] = jnp.asarray(rate, x.dtype)
        gaps.append(np.max(np.abs(step(x, state, grads[0], c)[0] - exact(x, grads[0], rate, c))))
    assert manifold is not None
    if max(gaps) < 100 * EPS:
        return  # the retraction is the exponential map
    slope = np.polyfit(np.log(rates), np.log(np.maximum(gaps, 1e-30)), 1)[0]
    assert slope > 1.7, (slope, gaps)


@functools.cache
def program_of_rate(space):
    manifold = SPACES[space]
    return None, jax.jit(
        lambda x, g, rate, c: jax.vmap(lambda p, q: manifold.expmap(-rate * manifold.egrad2rgrad(q, p, c), p, c))(x, g)
    )


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("jitted", [False, True], ids=["eager", "jit"])
def test_euclidean_leaves_take_the_steps_of_optax(rule, jitted):
    # One leaf: how XLA divides several by one bias correction depends on how many there are.
    x = jnp.arange(6.0).reshape(2, 3) - 2
    rate = optax.linear_schedule(0.1, 0.01, 3)
    ours, theirs = RULES[rule].fused(rate, manifolds=None), RULES[rule].euclidean(rate)
    state, their_state = ours.init(x), theirs.init(x)
    update, their_update = (jax.jit(t.update) if jitted else t.update for t in (ours, theirs))
    for i in range(4):
        updates, state = update(jnp.cos(x + i), state, x)
        expected, their_state = their_update(jnp.cos(x + i), their_state, x)
        np.testing.assert_array_max_ulp(np.asarray(updates), np.asarray(expected), 1)


def test_the_registry_is_complete():
    named = {name for name in vars(hyp_manifolds) if name in {type(m).__name__ for m in SPACES.values()}}
    assert named == {type(m).__name__ for m in SPACES.values()}
    assert all(forms.fused and forms.sparse and forms.euclidean for forms in RULES.values())

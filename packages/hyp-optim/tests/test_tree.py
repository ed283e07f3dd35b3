"""Which leaf lives where: given, computed or carried; never guessed; static inside the state."""

import dataclasses
import pickle
import sys
import types
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hyp_manifolds import Euclidean, Hyperboloid, OnManifold, Poincare
from hyp_optim import ManifoldSpec, _flax, riemannian_sgd

pytestmark = pytest.mark.one_precision  # what is found does not depend on it


@jax.tree_util.register_dataclass
@dataclasses.dataclass
class Points:
    """What a framework's parameter class looks like: an array that carries its manifold."""

    value: Any
    manifold: Any = dataclasses.field(metadata={"static": True})


@jax.tree_util.register_dataclass
@dataclasses.dataclass
class Layer:
    """A dataclass module (Equinox looks like this) that knows a manifold, next to Euclidean weights."""

    kernel: Any
    bias: Any
    manifold: Any = dataclasses.field(metadata={"static": True})


class Pair(NamedTuple):
    left: Any
    right: Any


X = jnp.full((2, 3), 0.1)


def specs(params, **kwargs):
    return riemannian_sgd(0.1, **kwargs).init(params).manifolds.specs


def test_prefix_tree():
    params = {"enc": {"b": jnp.ones(2), "w": jnp.ones((2, 2))}, "emb": [X, X], "pair": Pair(X, None)}
    ball = ManifoldSpec(Poincare(), 1.0)
    given = {"enc": None, "emb": [Poincare(), ManifoldSpec(Poincare(), 0.5)], "pair": Hyperboloid()}
    assert specs(params, manifolds=given) == (
        ball,
        ManifoldSpec(Poincare(), 0.5),
        None,
        None,
        ManifoldSpec(Hyperboloid()),
    )
    assert specs(params, manifolds=Poincare()) == (ball,) * 5
    assert specs(params, manifolds=None) == (None,) * 5
    assert specs(X, manifolds=Poincare()) == (ball,)


def test_function_of_params():
    params = {"emb": X, "b": jnp.ones(3)}

    def by_rank(p):
        return jax.tree.map(lambda leaf: Poincare() if leaf.ndim == 2 else None, p)

    assert specs(params, manifolds=by_rank) == (None, ManifoldSpec(Poincare()))


def test_dict_describes_other_containers_by_name_and_position():
    params = {"layer": Layer(X, X, Poincare()), "pair": Pair(X, X), "list": [X, X]}
    given = {
        "layer": {"kernel": None, "bias": Poincare()},
        "pair": (None, Poincare()),
        "list": {0: None, 1: Poincare()},
    }
    ball = ManifoldSpec(Poincare())
    with pytest.raises(ValueError, match=r"params.*pair.*left"):
        specs(params, manifolds=given)
    given["pair"] = {"left": None, "right": Poincare()}
    assert specs(params, manifolds=given) == (None, ball, None, ball, None, ball)


def test_leaves_carry_their_manifold():
    params = {"emb": Points(X, Poincare()), "w": jnp.ones((2, 2)), "t": Points(X, Hyperboloid())}
    assert isinstance(params["emb"], OnManifold)
    found = riemannian_sgd(0.1).init(params).manifolds
    assert found.specs == (ManifoldSpec(Poincare()), ManifoldSpec(Hyperboloid()), None)
    assert riemannian_sgd(0.1).init(params["emb"]).manifolds.specs == (ManifoldSpec(Poincare()),)


def test_given_manifolds_win_over_carried_ones():
    assert specs({"emb": Points(X, Poincare())}, manifolds=None) == (None,)


def test_a_layer_with_a_manifold_says_nothing_about_its_weights():
    layer = Layer(X, Points(X, Poincare()), Poincare())
    assert isinstance(layer, OnManifold)
    assert specs(layer) == (None, ManifoldSpec(Poincare()))
    with pytest.raises(ValueError, match="no leaf of params carries a manifold"):
        specs(Layer(X, X, Poincare()))


def test_nothing_given_and_nothing_carried_is_an_error():
    with pytest.raises(
        ValueError, match=r"no leaf of params carries a manifold and no `manifolds` was given.*manifolds=None"
    ):
        riemannian_sgd(0.1).init({"w": X})


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"a": Poincare()}, ValueError, r"no entry for the parameter params\['b'\]"),
        ({"a": None, "b": None, "c": None}, ValueError, r"manifolds\['c'\] is an entry, but params has no leaf there"),
        ({"a": {"x": None}, "b": None}, ValueError, r"no entry for the parameter params\['a'\]"),
        ({"a": None, "b": "poincare"}, TypeError, r"manifolds\['b'\] must be a manifold.*'poincare'"),
        (
            {"a": None, "b": Poincare},
            TypeError,
            r"manifolds\['b'\] is the class Poincare; expected an instance, Poincare\(\)",
        ),
        (Poincare, TypeError, r"is the class Poincare"),
        (lambda params: {"a": None}, ValueError, r"no entry for the parameter params\['b'\]"),
        ({}, ValueError, r"no entry for the parameter"),
    ],
)
def test_manifolds_that_do_not_match_name_the_path(given, error, message):
    with pytest.raises(error, match=message):
        riemannian_sgd(0.1, manifolds=given).init({"a": X, "b": X})


def test_carried_thing_that_is_no_manifold():
    with pytest.raises(TypeError, match=r"params\['a'\].manifold must be a manifold of hyp_manifolds.*'ball'"):
        riemannian_sgd(0.1).init({"a": Points(X, "ball")})


@pytest.mark.parametrize(
    ("leaf", "error", "message"),
    [
        (jnp.float32(0.1), ValueError, r"params\['a'\] lies on a manifold.*is a scalar"),
        (jnp.ones((2, 3), jnp.int32), TypeError, r"params\['a'\] must be a floating array, got int32\[2, 3\]"),
    ],
)
def test_leaves_that_are_no_points(leaf, error, message):
    with pytest.raises(error, match=message):
        riemannian_sgd(0.1, manifolds={"a": Poincare()}).init({"a": leaf})


def test_update_refuses_what_does_not_belong_together():
    tx = riemannian_sgd(0.1, manifolds=Poincare())
    state = tx.init({"a": X})
    with pytest.raises(ValueError, match=r"call update\(grads, state, params\)"):
        tx.update({"a": X}, state)
    with pytest.raises(ValueError, match=r"params has 2 leaves, but the state was initialised for 1: \['a'\]"):
        tx.update({"a": X, "b": X}, state, {"a": X, "b": X})
    with pytest.raises(ValueError, match=r"gradient has 0 leaves"):
        tx.update({"a": None}, state, {"a": X})
    with pytest.raises(
        ValueError, match=r"gradient of params\['a'\] has shape \(3,\), the parameter has shape \(2, 3\)"
    ):
        tx.update({"a": X[0]}, state, {"a": X})


def test_curvature_is_passed_exactly_where_it_is_asked_for():
    moving, fixed = ({"a": ManifoldSpec(Poincare(), c), "b": None} for c in (None, 1.0))
    params = {"a": X, "b": X}
    tx = riemannian_sgd(0.1, manifolds=moving)
    with pytest.raises(ValueError, match=r"params\['a'\]: its ManifoldSpec has c=None.*update\(..., c=c\)"):
        tx.update(params, tx.init(params), params)
    with pytest.raises(ValueError, match=r"c has no entry for the parameter params\['a'\]"):
        tx.update(params, tx.init(params), params, c={"b": 1.0})
    tx = riemannian_sgd(0.1, manifolds=fixed)
    with pytest.raises(ValueError, match=r"called with c=, but no leaf asks for it"):
        tx.update(params, tx.init(params), params, c=2.0)
    flat = riemannian_sgd(0.1, manifolds=None)
    flat.update(params, flat.init(params), params, c=2.0)


def test_state_is_a_plain_pytree_with_static_manifolds():
    params = {"a": X, "b": jnp.ones(2)}
    tx = riemannian_sgd(0.1, momentum=0.9, manifolds={"a": Poincare(), "b": None})
    state = tx.init(params)
    leaves, treedef = jax.tree.flatten(state)
    assert all(isinstance(leaf, jax.Array) for leaf in leaves)
    assert len(leaves) == 1 + 2
    assert jax.tree.leaves(state.manifolds) == []
    assert hash(treedef) == hash(jax.tree.structure(tx.init(params)))
    assert treedef == jax.tree.structure(tx.init(params))
    assert treedef != jax.tree.structure(
        riemannian_sgd(0.1, 0.9, manifolds={"a": Hyperboloid(), "b": None}).init(params)
    )
    doubled = jax.tree.map(lambda a: a * 2, state)
    assert doubled.manifolds == state.manifolds
    assert isinstance(jax.eval_shape(lambda s: s, state).count, jax.ShapeDtypeStruct)


def test_state_survives_a_checkpoint():
    params = {"a": X}
    tx = riemannian_sgd(0.1, momentum=0.9, manifolds=Poincare())
    _, state = tx.update(params, tx.init(params), params)
    saved = [np.asarray(leaf) for leaf in jax.tree.leaves(state)]
    restored = jax.tree.unflatten(jax.tree.structure(tx.init(params)), saved)
    pickled = pickle.loads(pickle.dumps(jax.tree.map(np.asarray, state)))
    expected, _ = tx.update(params, state, params)
    for again in (restored, pickled):
        np.testing.assert_array_equal(tx.update(params, again, params)[0]["a"], expected["a"])


def test_two_inits_of_one_transformation_do_not_disturb_each_other():
    tx = riemannian_sgd(0.1)
    ball = {"p": Points(X, Poincare())}
    flat = {"p": Points(X, Euclidean())}
    alone, _ = tx.update(ball, tx.init(ball), ball)
    ball_state, flat_state = tx.init(ball), tx.init(flat)
    np.testing.assert_array_equal(tx.update(ball, ball_state, ball)[0]["p"].value, alone["p"].value)
    np.testing.assert_allclose(tx.update(flat, flat_state, flat)[0]["p"].value, -0.1 * X, rtol=1e-5)
    assert float(jnp.max(jnp.abs(alone["p"].value + 0.1 * X))) > 1e-3


def test_bare_arrays_at_update_take_the_step_found_at_init():
    # flax.nnx.Optimizer shows parameters with metadata to init and bare arrays to update.
    tx = riemannian_sgd(0.1)
    carried = {"p": Points(X, Poincare())}
    bare = {"p": X}
    updates, _ = tx.update(bare, tx.init(carried), bare)
    expected, _ = tx.update(bare, riemannian_sgd(0.1, manifolds=Poincare()).init(bare), bare)
    np.testing.assert_array_equal(updates["p"], expected["p"])


def test_a_static_node_is_described_to_flax_and_restored_into_its_like(monkeypatch):
    """With a stand-in for `flax.serialization`, which this package does without; tests/ has the real one."""
    known = {}
    register = lambda kind, save, restore, override: known.update({kind: (save, restore)})  # noqa: E731
    monkeypatch.setitem(sys.modules, "flax.serialization", types.SimpleNamespace(register_serialization_state=register))
    _flax.register_static(tuple, lambda node: {"names": list(node)}, "Start anew.")
    save, restore = known[tuple]
    assert save(("a", "b")) == {"names": {"0": "a", "1": "b"}}
    template = ("a", "b")
    assert restore(template, save(("a", "b"))) is template
    with pytest.raises(ValueError, match=r"saved for .*'c'.* but restored into .*'b'.*Start anew"):
        restore(template, save(("a", "c")))
    monkeypatch.setitem(sys.modules, "flax.serialization", None)
    _flax.register_static(list, list, "")
    assert list not in known

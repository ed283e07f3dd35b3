"""Files of weights and points: the same bits come back, and nothing else comes in."""

import builtins
import json
import struct

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import safetensors.numpy
from flax import nnx
from hyp_manifolds import Euclidean, Hyperboloid, Klein, Poincare, Product, TiledHalfSpace
from hyp_nn import Curvature, HypEmbedding, HypLinearPoincare, ManifoldParam, load_safetensors, save_safetensors
from hyp_nn.safetensors import _file, load_points, read_header, save_points
from hyp_nn.safetensors._describe import describe, manifold_of

pytestmark = pytest.mark.one_precision

MIXED = Product.from_signature("P2 H2 E1")
POINTS = np.array([[0.1, -0.2, 0.3], [0.0, 0.5, 0.5]], np.float32)


class Model(nnx.Module):
    def __init__(self, seed=0, manifold=None, c=0.5, parametrization="softplus", dtype=jnp.float32, rows=5):
        rngs = nnx.Rngs(seed)
        self.words = HypEmbedding(manifold or Poincare(), rows, 3, rngs=rngs, init_std=0.5, param_dtype=dtype)
        self.head = HypLinearPoincare(Poincare(), 3, 2, rngs=rngs)
        self.curvature = Curvature(c, parametrization=parametrization)
        self.count = nnx.Variable(jnp.int32(7))
        self.dropout = nnx.Dropout(0.5, rngs=rngs)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


def bits(tree):
    is_key = lambda a: jnp.issubdtype(a.dtype, jax.dtypes.prng_key)  # noqa: E731
    return [(a.dtype, a.shape, np.asarray(a).tobytes()) for a in jax.tree.leaves(tree) if not is_key(a)]


def forged(path, change):
    """The file with its own header, the text of hyp-nn and the data changed by hand."""
    raw = path.read_bytes()
    length = struct.unpack("<Q", raw[:8])[0]
    header, data = json.loads(raw[8 : 8 + length]), bytearray(raw[8 + length :])
    own = json.loads(header["__metadata__"]["hyp_nn"])
    change(header, own, data)
    header["__metadata__"]["hyp_nn"] = json.dumps(own)
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + bytes(data))


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16], ids=["float32", "bfloat16"])
@pytest.mark.parametrize("abstract", [False, True], ids=["template", "abstract template"])
def test_a_module_comes_back_bit_for_bit(path, dtype, abstract):
    model = Model(1, dtype=dtype)
    model.words.embedding[...] = model.words.embedding[...].at[0].set(-0.0)
    save_safetensors(path, model)
    template = Model(2, dtype=dtype)
    if abstract:
        template.words = nnx.eval_shape(lambda: Model(2, dtype=dtype)).words
    before = bits(nnx.state(template, nnx.Param)) if not abstract else None
    loaded = load_safetensors(path, template)
    assert bits(nnx.state(loaded, nnx.Not(nnx.RngState))) == bits(nnx.state(model, nnx.Not(nnx.RngState)))
    assert type(loaded.words.embedding) is ManifoldParam
    assert loaded.words.embedding.manifold == Poincare()
    ids = jnp.array([0, 4])
    np.testing.assert_array_equal(loaded.words(ids, loaded.curvature()), model.words(ids, model.curvature()))
    if before is not None:
        assert bits(nnx.state(template, nnx.Param)) == before


def test_the_header_says_what_is_where(path):
    save_safetensors(path, Model(manifold=None), c=0.5)
    header = read_header(path)
    assert header["c"] == 0.5
    words = header["leaves"]["words.embedding"]
    assert words == {"manifold": {"name": "poincare"}, "c": 1.0, "dtype": "F32", "shape": [5, 3]}
    assert header["leaves"]["curvature.raw"]["parametrization"] == "softplus"
    assert not any("rngs" in name for name in header["leaves"])


@pytest.mark.parametrize(
    ("other", "options", "message"),
    [
        (lambda: Model(manifold=Hyperboloid()), {}, r"leaf 'words.embedding' has shape \(5, 3\), expected \(5, 4\)"),
        (
            lambda: Model(manifold=Klein()),
            {},
            "leaf 'words.embedding' was saved with manifold .*poincare.*expected.*klein",
        ),
        (lambda: Model(rows=6), {}, r"leaf 'words.embedding' has shape \(5, 3\), expected \(6, 3\)"),
        (lambda: Model(dtype=jnp.bfloat16), {}, "leaf 'words.embedding' has dtype float32, expected bfloat16"),
        (lambda: Model(parametrization="log"), {}, "leaf 'curvature.raw' was saved with parametrization softplus"),
        (lambda: Model().words, {}, "the template lacks the leaf 'count'.*|the file lacks the leaf 'embedding'"),
        (Model, {"c": 0.5}, "saved for calls at c=None, expected 0.5"),
        (Model, {"manifolds": Poincare()}, "manifolds is for raw pytrees"),
    ],
    ids=["ambient", "manifold", "shape", "dtype", "curvature", "leaves", "c", "manifolds"],
)
def test_what_differs_is_named(path, other, options, message):
    save_safetensors(path, Model())
    with pytest.raises((TypeError, ValueError), match=message):
        load_safetensors(path, other(), **options)


def test_states_and_trees_of_parameters(path):
    param, plain = ManifoldParam(jnp.asarray(POINTS), manifold=Poincare()), nnx.Param(jnp.ones(2))
    for tree in ({"a": param, "b": [plain]}, nnx.State({"a": param, "b": {"c": plain}})):
        save_safetensors(path, tree)
        loaded = load_safetensors(path, jax.tree.map(jnp.zeros_like, tree))
        assert type(loaded["a"]) is ManifoldParam and loaded["a"].manifold == Poincare()
        assert bits(loaded) == bits(tree)
    with pytest.raises(ValueError, match="it carries its manifold"):
        save_safetensors(path, {"a": param}, manifolds=Poincare())


def test_every_reader_of_safetensors_finds_the_arrays(path):
    save_safetensors(path, {"x": POINTS, "n": np.arange(3)}, manifolds={"x": Poincare(), "n": None})
    found = safetensors.numpy.load_file(path)
    assert bits(found) == bits({"x": POINTS, "n": np.arange(3)})


def test_leaves_and_dtypes_of_raw_pytrees(path):
    save_safetensors(path, {"x": POINTS, "y": POINTS})
    with pytest.raises(ValueError, match="the template lacks the leaf 'y'"):
        load_safetensors(path, {"x": POINTS})
    with pytest.raises(ValueError, match="the file lacks the leaf 'z'"):
        load_safetensors(path, {"x": POINTS, "y": POINTS, "z": POINTS})
    with pytest.raises(ValueError, match="leaf 'y' has dtype float32, expected float64"):
        load_safetensors(path, {"x": POINTS, "y": POINTS.astype(np.float64)})


def test_a_plain_parameter_is_no_point_of_a_manifold(path):
    save_safetensors(path, {"x": nnx.Param(jnp.asarray(POINTS))})
    with pytest.raises(ValueError, match=r"leaf 'x' was saved with c None, expected 1.0"):
        load_safetensors(path, {"x": ManifoldParam(jnp.asarray(POINTS), manifold=Poincare())})


def test_raw_pytrees_with_manifolds_and_curvatures(path):
    product = np.concatenate([np.full((3, 2), 0.1), [[1.0, 0, 0]] * 3, np.zeros((3, 1))], axis=1)
    tree = {"a": [POINTS, np.arange(3)], "b": jnp.asarray(product, jnp.float32), "w": np.float64([1e300, -0.0])}
    manifolds = {"a": [Poincare(), None], "b": (spec := ManifoldParam(tree["b"], manifold=MIXED)), "w": None}
    manifolds["b"] = MIXED
    assert spec.manifold == MIXED
    save_safetensors(path, tree, manifolds=manifolds, c=1)
    assert read_header(path)["leaves"]["b"]["manifold"]["signature"] == "P2 H2 E1"
    loaded = load_safetensors(path, tree, manifolds=manifolds, c=1.0)
    assert jax.tree.structure(loaded) == jax.tree.structure(tree)
    assert bits(loaded) == bits(tree)
    assert isinstance(loaded["w"], np.ndarray) and isinstance(loaded["b"], jax.Array)
    with pytest.raises(ValueError, match=r"leaf 'a.0' was saved with c 1.0, expected 2.0"):
        load_safetensors(path, tree, manifolds={**manifolds, "b": None}, c=2.0)
    with pytest.raises(ValueError, match="pytree prefix"):
        save_safetensors(path, tree, manifolds={"a": Poincare()})


def test_one_curvature_for_each_factor(path):
    table = np.concatenate([np.full((3, 2), 0.1), [[2.0, 0, 0]] * 3, np.zeros((3, 1))], axis=1, dtype=np.float32)
    each = jnp.array([0.1, 0.25, 0.0])
    save_safetensors(path, table, manifolds=MIXED, c=each)
    np.testing.assert_array_equal(load_safetensors(path, table, manifolds=MIXED, c=[0.1, 0.25, 0.0]), table)
    with pytest.raises(ValueError, match=r"leaf 'array' was saved with c \[0.1"):
        load_safetensors(path, table, manifolds=MIXED, c=[0.2, 0.25, 0.0])
    with pytest.raises(ValueError, match="c must be a finite number, or one for each"):
        save_safetensors(path, table, manifolds=MIXED, c=[0.1, 0.25])


@pytest.mark.parametrize("save", [True, False], ids=["saving", "loading"])
def test_points_off_their_manifold(path, save):
    far = POINTS.copy()
    far[1, 0] = 1.5
    if save:
        with pytest.raises(ValueError, match=r"save_safetensors: leaf 'x': 1 of 2 rows are no points.*row 1"):
            save_safetensors(path, {"x": far}, manifolds=Poincare())
        assert not path.exists()
        return
    save_safetensors(path, {"x": POINTS}, manifolds=Poincare())

    def move(header, own, data):
        data[12:16] = struct.pack("<f", 1.5)

    forged(path, move)
    with pytest.raises(ValueError, match=r"leaf 'x': 1 of 2 rows are no points of Poincare.*row 1"):
        load_safetensors(path, {"x": POINTS}, manifolds=Poincare())


def test_float64_does_not_become_float32(path):
    wide = {"x": np.array([[0.1, 0.2]], np.float64)}
    save_safetensors(path, wide, manifolds=Poincare())
    assert bits(load_safetensors(path, wide, manifolds=Poincare())) == bits(wide)
    template = {"x": jax.ShapeDtypeStruct((1, 2), np.float64)}
    if jax.config.read("jax_enable_x64"):
        assert load_safetensors(path, template, manifolds=Poincare())["x"].dtype == np.float64
    else:
        with pytest.raises(TypeError, match="leaf 'x' is float64 while JAX's 64-bit mode is off"):
            load_safetensors(path, template, manifolds=Poincare())


def test_what_cannot_be_saved(path):
    for tree, message in [
        ({}, "no arrays"),
        ({"x": 1.0}, "leaf 'x' must be an array, got float"),
        ({"x": np.zeros(2, complex)}, "leaf 'x' has the dtype complex128"),
        ({"a.b": POINTS, "a": {"b": POINTS}}, "two leaves would have the name 'a.b'"),
        ({"x": jax.ShapeDtypeStruct((2,), np.float32)}, "leaf 'x' has no values"),
    ]:
        with pytest.raises((TypeError, ValueError), match=message):
            save_safetensors(path, tree)
    assert not path.exists()


# Files ----------------------------------------------------------------------------------------------------------------


def test_an_interrupted_write_leaves_the_old_file(path, monkeypatch):
    save_safetensors(path, {"x": POINTS})
    old = path.read_bytes()

    def fail(*_):
        raise OSError("the disk is full")

    monkeypatch.setattr(_file.os, "fsync", fail)
    with pytest.raises(OSError, match="full"):
        save_safetensors(path, {"x": POINTS + 1})
    assert path.read_bytes() == old
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def _own(**changes):
    return lambda header, own, data: own.update(changes)


GARBLED = {
    "empty": b"",
    "text": b"hello, this is no safetensors file at all",
    "a header longer than the file": struct.pack("<Q", 10**6) + b"{}",
    "a huge header": struct.pack("<Q", 2**62) + b"{}",
    "a pickle": b"\x80\x04\x95\x00\x00\x00\x00\x00\x00\x00\x00cos\nsystem\n(S'true'\ntR.",
    "deep nesting": struct.pack("<Q", 200_000) + b"[" * 200_000,
    "no header of ours": struct.pack("<Q", 2) + b"{}",
    "a name twice": struct.pack("<Q", 16) + b'{"a":{},"a":{}} ',
    "metadata that is a list": struct.pack("<Q", 21) + b'{"__metadata__":[1]} ',
    "no UTF-8": struct.pack("<Q", 4) + b'{"\xff}',
}
FORGED = {
    "cut off": lambda header, own, data: data.__delitem__(slice(-4, None)),
    "longer": lambda header, own, data: data.extend(b"1234"),
    "offsets outside": lambda header, own, data: header["x"].update(data_offsets=[0, 10**9]),
    "a shape that does not fit": lambda header, own, data: header["x"].update(shape=[2**40, 2**40]),
    "an unknown dtype": lambda header, own, data: header["x"].update(dtype="PICKLE"),
    "a later version": _own(version=2),
    "leaves that are a list": _own(leaves=[1]),
    "a record that is a number": _own(leaves={"x": 3}),
    "a manifold that is code": _own(leaves={"x": {"manifold": "__import__('os')", "c": 1.0}}),
    "a curvature that is text": _own(leaves={"x": {"manifold": {"name": "poincare"}, "c": "1"}}),
    "a leaf too many": _own(leaves={"x": {"manifold": {"name": "poincare"}, "c": 1.0}, "y": {}}),
    "another kind": _own(kind="points"),
}


@pytest.mark.parametrize("raw", GARBLED.values(), ids=GARBLED.keys())
def test_garbled_files_are_refused(path, raw):
    path.write_bytes(raw)
    for load in (lambda: load_safetensors(path, {"x": POINTS}), lambda: load_points(path), lambda: read_header(path)):
        with pytest.raises(ValueError, match=r"model\.safetensors"):
            load()


@pytest.mark.parametrize("change", FORGED.values(), ids=FORGED.keys())
def test_forged_files_are_refused(path, change):
    save_safetensors(path, {"x": POINTS}, manifolds=Poincare())
    load_safetensors(path, {"x": POINTS}, manifolds=Poincare())
    forged(path, change)
    with pytest.raises(ValueError, match=r"model\.safetensors"):
        load_safetensors(path, {"x": POINTS}, manifolds=Poincare())


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (GARBLED["a header longer than the file"], "or cut off: 10 bytes"),
        (struct.pack("<Q", 2**25) + b"{" * 2**25, f"a header of {2**25} bytes; at most {2**24} are read"),
        (GARBLED["a name twice"], "a name occurs twice"),
    ],
    ids=["longer than the file", "too long", "a name twice"],
)
def test_headers_are_refused_before_they_are_used(path, raw, message):
    path.write_bytes(raw)
    with pytest.raises(ValueError, match=message):
        read_header(path)


def test_a_header_that_is_too_long_is_not_written(path, monkeypatch):
    monkeypatch.setattr(_file, "MAX_HEADER", 64)
    with pytest.raises(ValueError, match="header"):
        save_safetensors(path, {"x": POINTS})
    assert not path.exists()


def test_without_the_extra_the_message_names_it(path, monkeypatch):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name.startswith("safetensors"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match=r"pip install 'hyp-nn\[safetensors\]'"):
        save_safetensors(path, {"x": POINTS})


# Labelled points ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64, jnp.bfloat16], ids=["float32", "float64", "bfloat16"])
def test_labelled_points_come_back(path, dtype):
    points = (POINTS / 4).astype(dtype)
    labels = ["哺乳類 🦔", "ends in NUL\0"]
    save_points(path, points, labels, Poincare(), c=4.0)
    found = load_points(path, manifold=Poincare(), c=4.0)
    assert bits(found.points) == bits(points)
    assert found.labels == tuple(labels)
    assert (found.manifold, found.c) == (Poincare(), 4.0)
    assert load_points(path).manifold == Poincare()
    for options, message in [({"manifold": Klein()}, "klein"), ({"c": 1.0}, "at c=4.0, expected 1.0")]:
        with pytest.raises(ValueError, match=message):
            load_points(path, **options)


def test_labels_that_do_not_fit(path):
    for labels, error in [(["a"], ValueError), (["a", 2], TypeError), (["a", "\ud800"], ValueError)]:
        with pytest.raises(error, match="label"):
            save_points(path, POINTS, labels, Poincare())
    save_points(path, POINTS, ["ab", "c"], Poincare())
    raw = path.read_bytes()
    for ends in ([5, 3], [-1, 3], [2, 2], [2**63 - 1, 3]):
        at = raw.index(struct.pack("<qq", 2, 3))
        path.write_bytes(raw[:at] + struct.pack("<qq", *ends) + raw[at + 16 :])
        with pytest.raises(ValueError, match="labels are damaged"):
            load_points(path)
    path.write_bytes(raw.replace(b"abc", b"\xff\xfec"))
    with pytest.raises(ValueError, match="no UTF-8"):
        load_points(path)


@pytest.mark.parametrize(
    "manifold",
    [
        Euclidean(),
        Klein(dtype=np.float32),
        TiledHalfSpace(limbs=4),
        MIXED,
        Product.from_signature("H2 H2", "l1"),
        Product(((Product.from_signature("P2 E1", "min"), 3), (Hyperboloid(), 2))),
        Product(((TiledHalfSpace(limbs=2), 2), (Euclidean(), 1))),
    ],
    ids=str,
)
def test_descriptions_of_manifolds(manifold):
    description = json.loads(json.dumps(describe(manifold)))
    back = manifold_of(description)
    assert describe(back) == description
    if manifold.dtype is None:
        assert back == manifold


@pytest.mark.parametrize(
    "description",
    [None, 3, {}, {"name": "os.system"}, {"name": "poincare", "c": 1}, {"name": "product", "signature": "P2 Q3"},
     {"name": "product", "signature": "9^9^9", "distance": "l2"}, {"name": "TiledHalfSpace", "limbs": "x"},
     {"name": "product", "signature": "E1", "distance": "l2", "factors": 1}],
    ids=str,
)  # fmt: skip
def test_descriptions_of_nothing(description):
    with pytest.raises(ValueError, match="describes no manifold"):
        manifold_of(description)

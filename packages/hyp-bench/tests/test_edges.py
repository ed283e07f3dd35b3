"""Edge lists: reading, complaints, and the edges worth drawing."""

import numpy as np
import pytest
from hyp_bench import data
from hyp_bench.bounds import read_bounded
from hyp_bench.edges import parse_edges, read_edges
from hyp_bench.errors import InputError
from hyp_bench.hierarchy import direct_edges


def names_of(edges):
    return [(edges.names[child], edges.names[parent]) for child, parent in edges.pairs]


def test_two_columns_sorted_by_child_then_parent():
    edges = parse_edges(b"dog\tcanine\ncat\tfeline\ndog\tanimal\n", "f")
    assert edges.names == ("animal", "canine", "cat", "dog", "feline")
    assert names_of(edges) == [("cat", "feline"), ("dog", "animal"), ("dog", "canine")]
    assert edges.weights.tolist() == [1.0, 1.0, 1.0]


def test_windows_line_ends_byte_order_mark_and_blank_lines():
    plain = parse_edges("ä\tb\nb\tc\n".encode(), "f")
    windows = parse_edges("\ufeffä\tb\r\n\r\nb\tc".encode(), "f")
    assert windows.names == plain.names == ("b", "c", "ä")
    assert windows.digest() == plain.digest()


def test_weights_of_a_repeated_pair_add_up_and_self_loops_keep_their_node():
    edges = parse_edges(b"a\tb\t2\nc\tc\na\tb\t0.5\nb\td\n", "f")
    assert edges.names == ("a", "b", "c", "d")
    assert names_of(edges) == [("a", "b"), ("b", "d")]
    assert edges.weights.tolist() == [2.5, 1.0]


def test_the_digest_follows_content_not_order():
    one = parse_edges(b"a\tb\nb\tc\n", "f")
    assert one.digest() == parse_edges(b"b\tc\na\tb\n", "g").digest()
    assert one.digest() != parse_edges(b"a\tb\nb\tc\t2\n", "f").digest()
    assert one.digest() != parse_edges(b"a\tb\nb\td\n", "f").digest()


BAD_FILES = {
    "one column": (b"a\tb\na b\n", "line 2: expected 2 or 3 tab-separated columns"),
    "four columns": (b"a\tb\t1\t1\n", "line 1: expected 2 or 3 tab-separated columns"),
    "no child": (b"\tb\n", "line 1: the child column is empty"),
    "no parent": (b"a\t \n", "line 1: the parent column is empty"),
    "word as weight": (b"a\tb\theavy\n", "line 1: the weight must be a positive number, got 'heavy'"),
    "zero weight": (b"a\tb\t0\n", "positive number"),
    "infinite weight": (b"a\tb\tinf\n", "positive number"),
    "nan weight": (b"a\tb\tnan\n", "positive number"),
    "empty": (b"", "no edges"),
    "blank": (b"\n \n", "no edges"),
    "latin-1": ("a\tb\né\tb\n".encode("latin-1"), "line 2: not UTF-8"),
    "nul": (b"a\0\tb\n", "line 1: a NUL"),
    "one node": (b"a\ta\n", "only one node, 'a'"),
    "self-loops": (b"a\ta\nb\tb\n", "only self-loops"),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_bad_files_are_refused_with_file_and_line(case):
    raw, message = BAD_FILES[case]
    with pytest.raises(InputError) as caught:
        parse_edges(raw, "edges.tsv")
    assert str(caught.value).startswith("edges.tsv")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_unreadable_paths(tmp_path):
    with pytest.raises(InputError, match=r"missing\.tsv: cannot be read \(No such file"):
        read_edges(tmp_path / "missing.tsv")
    with pytest.raises(InputError, match="cannot be read"):
        read_edges(tmp_path)


def test_a_file_without_an_end_is_refused(monkeypatch):
    monkeypatch.setattr(read_bounded, "__defaults__", (3_000_000,))
    with pytest.raises(InputError, match="/dev/zero: larger than 3000000 bytes"):
        read_edges("/dev/zero")


def test_direct_edges_of_a_chain_and_a_diamond():
    chain = parse_edges(b"a\tb\nb\tc\nc\td\na\tc\na\td\nb\td\n", "f")
    assert direct_edges(chain).tolist() == [[0, 1], [1, 2], [2, 3]]
    diamond = parse_edges(b"a\tb\na\tc\nb\td\nc\td\na\td\n", "f")
    assert direct_edges(diamond).tolist() == [[0, 1], [0, 2], [1, 3], [2, 3]]


def test_a_graph_with_a_cycle_keeps_all_edges():
    cycle = parse_edges(b"a\tb\nb\tc\nc\ta\na\tc\n", "f")
    assert direct_edges(cycle).tolist() == cycle.pairs.tolist()


def test_the_mammals_are_the_published_set():
    mammals = data.load_mammals()
    assert (mammals.num_nodes, len(mammals)) == (1180, 6540)
    assert len(direct_edges(mammals)) == 1180
    children = set(mammals.pairs[:, 0].tolist())
    assert [name for i, name in enumerate(mammals.names) if i not in children] == ["mammal.n.01"]
    # It is a closure: the parents of a parent are parents.
    related = np.zeros((1180, 1180), int)
    related[tuple(mammals.pairs.T)] = 1
    assert not np.any((related @ related > 0) & (related == 0))
    assert np.all(mammals.weights == 1.0)


def test_a_damaged_data_file_is_refused(monkeypatch):
    monkeypatch.setattr(data, "_MAMMALS", "README.md")
    with pytest.raises(InputError, match="damaged"):
        data.load_mammals()

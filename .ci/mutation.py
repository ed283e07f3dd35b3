"""Plants single-token faults in hyp-manifolds and reports which of them the test-suite does not notice.

    uv run --no-sync python .ci/mutation.py --count 80 --seed 0      # about half an hour on two cores
    uv run --no-sync python .ci/mutation.py --list                   # the faults, without running anything

A fault is one token of a formula: a sign, a factor c, a dropped sqrt, two swapped arguments, a constant, a product for
a quotient, a comparison turned round. (No faults: a threshold between two forms that both hold around it, and the
number that keeps a dead branch of `select` harmless.) Each is planted in a copy of the package, which shadows the
installed one. The tests that know the file run, in float32 and in float64; with --whole, which takes up to half an hour
for a fault, the whole suite of the package on what they miss. Exits with 1 if less than `--least` per cent are caught.
"""

import argparse
import ast
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "packages/hyp-manifolds/src/hyp_manifolds"
TESTS = ROOT / "packages/hyp-manifolds/tests"
# Not formulas: what guards the door, names files, or only shapes the compiled program.
SKIPPED_FILES = {"_checks.py", "_door.py", "__init__.py", "_models.py", "protocols.py", "scope.py", "_signature.py"}
SKIPPED_CALLS = {"fence", "again"}
SKIPPED_FUNCTIONS = {"fence", "again", "dots", "sum_terms", "sums_in_chunks", "_plan", "stretch"}
SWAPS = {ast.Add: "-", ast.Sub: "+", ast.Mult: "/", ast.Div: "*"}
COMPARISONS = {ast.Lt: ">=", ast.Gt: "<=", ast.LtE: ">", ast.GtE: "<"}


@dataclass(frozen=True)
class Fault:
    """Replace `old` by `new` at an offset of a file."""

    file: str
    line: int
    kind: str
    start: int
    old: str
    new: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line} [{self.kind}] {self.old!r} -> {self.new!r}"


class _Finder(ast.NodeVisitor):
    """Every fault that one file offers."""

    def __init__(self, file: str, text: str) -> None:
        self.file, self.text, self.found = file, text, list[Fault]()
        self.lines = [0]
        for line in text.encode().splitlines(keepends=True):
            self.lines.append(self.lines[-1] + len(line))

    def offset(self, line: int, column: int) -> int:
        return self.lines[line - 1] + column

    def span(self, node: ast.expr) -> tuple[int, int]:
        assert node.end_lineno is not None and node.end_col_offset is not None
        return self.offset(node.lineno, node.col_offset), self.offset(node.end_lineno, node.end_col_offset)

    def segment(self, node: ast.expr) -> str:
        start, end = self.span(node)
        return self.text.encode()[start:end].decode()

    def put(self, kind: str, line: int, start: int, old: str, new: str) -> None:
        self.found.append(Fault(self.file, line, kind, start, old, new))

    def between(self, left: ast.expr, right: ast.expr, symbol: str) -> int | None:
        """Offset of the operator between two operands; None where a parenthesis or a line break hides it."""
        start, end = self.span(left)[1], self.span(right)[0]
        gap = self.text.encode()[start:end].decode()
        return start + gap.index(symbol) if gap.count(symbol) == 1 else None

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        if node.name in SKIPPED_FUNCTIONS:
            return
        body = node.body
        if body and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
            body = body[1:]
        for statement in body:
            self.visit(statement)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        for statement in node.body:
            if isinstance(statement, ast.FunctionDef):
                self.visit(statement)

    def visit_Raise(self, node: ast.Raise) -> None:
        return

    def visit_Assert(self, node: ast.Assert) -> None:
        return

    def visit_BinOp(self, node: ast.BinOp) -> None:
        symbols = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}
        symbol = symbols.get(type(node.op))
        if symbol is not None:
            at = self.between(node.left, node.right, symbol)
            if at is not None:
                self.put("operator", node.lineno, at, symbol, SWAPS[type(node.op)])
        if isinstance(node.op, ast.Mult) and isinstance(node.left, ast.Name) and node.left.id == "c":
            start, stop = self.span(node.left)[0], self.span(node.right)[0]
            old = self.text.encode()[start:stop].decode()
            if "(" not in old:
                self.put("factor c", node.lineno, start, old, "")
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        if isinstance(node.op, ast.USub):
            self.put("sign", node.lineno, self.span(node)[0], "-", "+")
        self.generic_visit(node)

    def visit_Compare(self, node: ast.Compare) -> None:
        """The comparison turned round; its constant is a threshold and stays."""
        if len(node.ops) == 1 and type(node.ops[0]) in COMPARISONS:
            symbol = {ast.Lt: "<", ast.Gt: ">", ast.LtE: "<=", ast.GtE: ">="}[type(node.ops[0])]
            at = self.between(node.left, node.comparators[0], symbol)
            if at is not None:
                self.put("comparison", node.lineno, at, symbol, COMPARISONS[type(node.ops[0])])

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, (int, float)) and not isinstance(node.value, bool):
            old = self.segment(node)
            new = repr(node.value + 1) if isinstance(node.value, int) else repr(node.value * 2 or 1.0)
            self.put("constant", node.lineno, self.span(node)[0], old, new)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        self.visit(node.value)  # an index is no formula

    def visit_Call(self, node: ast.Call) -> None:
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name in SKIPPED_CALLS:
            return
        if name == "sqrt" and len(node.args) == 1:
            self.put("dropped sqrt", node.lineno, self.span(node.func)[0], self.segment(node.func), "")
        if len(node.args) >= 2 and not any(isinstance(a, ast.Starred) for a in node.args[:2]):
            first, second = node.args[:2]
            plain = (ast.Name, ast.Attribute, ast.Subscript)
            if isinstance(first, plain) and isinstance(second, plain) and name not in ("zip", "isinstance"):
                start, end = self.span(first)[0], self.span(second)[1]
                old = self.text.encode()[start:end].decode()
                self.put("swapped arguments", node.lineno, start, old, f"{self.segment(second)}, {self.segment(first)}")
        for argument in node.args:
            number = argument.operand if isinstance(argument, ast.UnaryOp) else argument
            if not (name == "select" and isinstance(number, ast.Constant)):
                self.visit(argument)


def all_faults() -> Iterator[Fault]:
    """Every fault of every formula file."""
    for path in sorted(SOURCE.rglob("*.py")):
        name = path.relative_to(SOURCE)
        if path.name not in SKIPPED_FILES and name.parts[0] != "testing":
            text = path.read_text()
            finder = _Finder(str(name), text)
            finder.visit(ast.parse(text))
            yield from finder.found


def choose(count: int, seed: int, files: list[str] | None = None) -> list[Fault]:
    """A sample that gives every file and every kind its share."""
    rng, groups = random.Random(seed), dict[tuple[str, str], list[Fault]]()
    for fault in all_faults():
        if not files or Path(fault.file).name in files:
            groups.setdefault((fault.file, fault.kind), []).append(fault)
    order = sorted(groups)
    rng.shuffle(order)
    for members in groups.values():
        rng.shuffle(members)
    chosen: list[Fault] = []
    while len(chosen) < count and any(groups.values()):
        for key in order:
            if groups[key] and len(chosen) < count:
                chosen.append(groups[key].pop())
    return chosen


# Faults of the samples taken so far that change no answer: file, the line with the fault in it, and why.
EXPLAINED = {
    (
        "isometry_group.py",
        "off = np.abs(exact.T @ form @ exact - form).max() / (2 + exact[0, 0] ** 2)",
    ): "scale of a tolerance, for matrices that are no isometries",
    ("_chart.py", "rho2 = 4 * asinh_sq(half_angle(q, p, c))"): "distances are symmetric",
    ("means/_minimise.py", "_SHORTEST = 2e-12"): "a step so short that the search ends",
    (
        "analysis/delta.py",
        "lengths = [distance(j, i) for i, j in ((a, b), (e, f), (a, e), (b, f), (a, f), (b, e))]",
    ): "distances are symmetric",
    ("means/_space.py", "if m.ambient_dim(dim) <= dim:"): "where an iteration starts",
    ("hyperboloid.py", "f, k, a = log_over_sinh(p.half), 2 * half_log(p.half), time_scaled(c, p.xx)"): "1 + c|x|^2",
    ("hyperboloid.py", "a = time_scaled(c, xx)"): "1 + c|x|^2",
    ("hyperboloid.py", "k = select(xs + ys >= yy, along_s, along_y)"): "in float32 either form keeps the contract",
    ("hyperboloid.py", "return with_time(jnp.sqrt(c) * xv / time_scaled(c, xx), v)"): "1 + c|x|^2",
    ("klein.py", "half = b > a"): "from either end the segment keeps the contract",
    ("_gyro.py", "along_x, along_e = turn(g_y, g_x, dots(*turn_pairs(v, x, e)), c)"): "symmetric in both gaps",
    ("_gyro.py", "a, k = _half_sum(g_y, g_x, ee, c), 2 * c / (g_x * g_y + c * ee)"): "1 - c<x, y>, from a sum",
    (
        "_numerics/gap.py",
        "_FLOOR_NARROW, _FLOOR_FLOAT64 = 2.0**-40, 4.0**-80",
    ): "how near the edge a point outside is read",
    ("_numerics/apart.py", "return select(x < -jnp.inf, x - x, x)"): "a case that never comes",
    (
        "distributions/_wrapped.py",
        "t = select(apart, r, 0.0) - 2 * jnp.pi * _TURNS / root",
    ): "the turns are the same with the other sign",
    (
        "distributions/wrapped_normal.py",
        "self.spread.shape[: self.spread.ndim - _wrapped.rank(self.form)], self.mean.shape[:-1]",
    ): "broadcasting is symmetric",
    (
        "distributions/uniform_ball.py",
        "k = float(np.asarray(manifold.sectional_curvature(np.asarray(c, np.float64).reshape(-2)[0])))",
    ): "any negative length stands for the one that fits",
    (
        "distributions/uniform_ball.py",
        "k = float(np.asarray(manifold.sectional_curvature(np.asarray(c, np.float64).reshape(+1)[0])))",
    ): "one number",
    ("pairwise/_matrix.py", "most = min(n, _LARGEST, max(2, math.isqrt(memory // bytes_a_pair)))"): "size of a tile",
    (
        "pairwise/_blocks.py",
        "return next((b for b in range(most, most // 2, -2) if n % b == 0), most)",
    ): "size of a block",
    (
        "pairwise/_blocks.py",
        "return next((b for b in range(most, most // 2, +1) if n % b == 0), most)",
    ): "size of a block",
    ("pairwise/_blocks.py", "_BY_PRODUCT, _BY_DIFFERENCES = 41, 32"): "size of a block",
    (
        "distributions/_radial.py",
        "share = (target - below) / (_polynomial(rows, np.full(len(u), 2.0)) - below)",
    ): "where an iteration starts",
    ("means/_minimise.py", "_RESOLUTION = 65 * float(np.finfo(np.float64).eps)"): "which changes count as rounding",
    (
        "means/_implicit.py",
        "return tuple(d / select(ok, 1.0, jnp.nan) for d in moved)",
    ): "1 and NaN divide as they multiply",
    (
        "_hyperbolic.py",
        "k = (time_scaled(ss, c) + time_scaled(c, tt)) / (2 * (1 + half_angle(s, t, c)))",
    ): "1 + c|x|^2",
    ("means/kmeans.py", "_MEAN_TOL, _MEAN_STEPS = 1e-11, 33"): "the most steps of an iteration that ends before",
    (
        "_horospheres.py",
        "aa, a_side, h = (select(near, k, other) for k, other in ((aa, 0.0), (a_side, 1.0), (h, 16.0)))",
    ): "any finite number keeps the other branch harmless",
    (
        "_horospheres.py",
        "aa, a_side, h = (select(near, k, other) for k, other in ((aa, 1.0), (a_side, 0.0), (h, 16.0)))",
    ): "any finite number keeps the other branch harmless",
    (
        "_horospheres.py",
        "return _log_beta(beta, less_one, (aa + h * h + 1) / (3 * h)) / jnp.sqrt(c)",
    ): "at the radius where one form hands over to the other both keep the contract",
    (
        "trees/sarkar.py",
        "times = jnp.arange(1, _ROWS - 1, dtype=x.dtype) / _ROWS",
    ): "at how many places the radius that a message reports is looked for",
    ("means/frechet.py", 'points, weights = given("frechet_variance", manifold, points, weights, 2)'): "only checked",
    ("means/_centroid.py", "_SAMPLE = 33"): "among how many points a start is looked for",
    (
        "_stereo.py",
        "value, by_c = jax.jvp(lambda k: _distance(y, x, k), (c,), (jnp.ones_like(c),))",
    ): "distances are symmetric",
}

# The tests of files that are not named after one of their own, as pytest -k.
MODELS = ("poincare", "hyperboloid", "euclidean", "stereographic", "sphere", "klein", "half_space", "proper_velocity")
OF_ANY_MODEL = (
    "extras or geodesic or isometries or gyro_operations or distributions or frechet or hyperplane or pairwise"
)
KNOWN = {
    **{model: f"{model} or {OF_ANY_MODEL}" for model in MODELS},
    "apart": "combination", "lanes": "row_sums", "row_sums": "row_sums or combination",
    "error_free": "poincare or cone",
    "combination": "combination or poincare",
    "gyro": "poincare or hyperboloid", "gap": "poincare or gap",
    "lorentz": "hyperboloid", "lorentz_tangents": "hyperboloid",
    "lorentz_transport": "hyperboloid or proper_velocity", "translation": "hyperboloid or gyro_operations",
    "hyperbolic": "klein or hyperboloid", "chart": "proper_velocity or klein", "upper": "half_space or isometries",
    "upper_moves": "half_space", "stereo": "stereographic", "signed": "stereographic or sphere",
    "hyperplanes": "hyperplane", "round_hyperplanes": "hyperplane", "horospheres": "horosphere or busemann",
    "cones": "cone", "reflections": "reflect", "hnnpp": "seed_bugs or extras",
    "group": "isometry_group",
    "convert": "isometries", "frames": "isometries", "factors": "product", "centroid": "centroids",
    "projected": "centroids", "space": "frechet or median_kmeans", "minimise": "frechet", "implicit": "frechet",
    "hessian": "frechet", "median": "median_kmeans", "kmeans": "median_kmeans", "special": "poincare or hyperboloid",
    "sums": "poincare or hyperboloid or gap", "mobius": "gyro_operations", "gram": "pairwise", "tile": "pairwise",
    "blocks": "pairwise or neighbours", "matrix": "pairwise or neighbours",
    "distances": "pairwise", "delta": "analysis", "distortion": "analysis",
    "result": "frechet", "manifold": "bad_input or extras or gyro_operations or laws",
    "arguments": "bad_input or cone or hyperplane", "reports": "bad_input",
    "tiles": "tiled_half_space", "digits": "tiled_half_space", "sarkar": "trees", "parents": "trees",
    **dict.fromkeys(("radial", "parts", "wrapped", "spherical", "linalg", "wrapped_normal", "riemannian_normal",
                     "uniform_ball", "mixture", "joint", "distribution", "given"), "distributions"),
}  # fmt: skip


def first_tests(file: str) -> list[str]:
    """Arguments of pytest for the tests that know the file, from its own on."""
    stem = Path(file).stem.strip("_")
    words = KNOWN.get(stem, stem)
    first, *others = (sorted(TESTS.glob(f"test_{word}*.py")) for word in words.split(" or "))
    files = dict.fromkeys([*first, TESTS / "test_contract.py", TESTS / "test_laws.py", *chain(*others)])
    return [*map(str, files), "-k", f"{words} or test_{stem}"]


def planted(fault: Fault) -> bytes:
    """The file with the fault in it."""
    text, end = (SOURCE / fault.file).read_bytes(), fault.start + len(fault.old.encode())
    assert text[fault.start : end].decode() == fault.old, fault
    return text[: fault.start] + fault.new.encode() + text[end:]


def caught_by(fault: Fault, cache: Path, whole: bool) -> str | None:
    """The first failing test, or None; `whole` for the whole suite on what the tests that know the file miss."""
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch) / "hyp_manifolds"
        shutil.copytree(SOURCE, copy, ignore=shutil.ignore_patterns("__pycache__"))
        (copy / fault.file).write_bytes(planted(fault))
        environment = {
            **os.environ,
            "PYTHONPATH": scratch,
            "JAX_PLATFORMS": "cpu",
            "HYPOTHESIS_PROFILE": "dev",
            "JAX_COMPILATION_CACHE_DIR": str(cache),
            "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
            "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
        }
        runs = [(x64, first_tests(fault.file)) for x64 in "01"] + [(x64, [str(TESTS)]) for x64 in "01" if whole]
        for x64, selection in runs:
            command = [sys.executable, "-m", "pytest", "-x", "-q", "-n0", "--no-header", "-p", "no:cacheprovider"]
            command += ["-m", "not one_precision"] if x64 == "1" else []
            done = subprocess.run(
                [*command, *selection],
                env={**environment, "JAX_ENABLE_X64": x64},
                cwd=ROOT,
                capture_output=True,
                text=True,
            )
            if done.returncode not in (0, 5):  # 5: the selection is empty
                lines = [t for t in done.stdout.splitlines() if t.startswith(("FAILED", "ERROR"))]
                return f"float{64 if x64 == '1' else 32}: {lines[0] if lines else done.stdout[-200:]}"
    return None


def explained(fault: Fault) -> str | None:
    """Why a fault changes no answer, if it is known to."""
    return EXPLAINED.get((fault.file, planted(fault).decode().splitlines()[fault.line - 1].strip()))


def main() -> int:
    """Plant, run, report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=80)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--files", nargs="+", help="only faults of the files with these names, such as gap.py")
    parser.add_argument("--least", type=float, default=95.0, help="per cent of the faults that have to be caught")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--whole", action="store_true", help="run the whole suite on what the first tests miss")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--json", type=Path, help="results so far, with which an interrupted run goes on")
    parser.add_argument("--again", action="store_true", help="with --json: only the faults that were not caught there")
    options = parser.parse_args()
    faults = choose(options.count, options.seed, options.files)
    if options.list:
        print(*faults, sep="\n")
        return 0
    results: list[dict[str, str | None]] = []
    if options.json and options.json.exists():  # an interrupted run goes on
        results = json.loads(options.json.read_text())
        assert [r["fault"] for r in results] == [str(f) for f in faults[: len(results)]], "of other faults"
        if options.again:
            missed = {r["fault"] for r in results if r["caught by"] is None}
            results, faults = [], [f for f in faults if str(f) in missed]
        else:
            faults = faults[len(results) :]
    with tempfile.TemporaryDirectory() as cache, ThreadPoolExecutor(options.jobs) as pool:

        def judge(fault: Fault) -> str | None:
            why = explained(fault)
            return f"explained: {why}" if why else caught_by(fault, Path(cache), options.whole)

        for fault, by in zip(faults, pool.map(judge, faults), strict=True):
            results.append({"fault": str(fault), "caught by": by})
            print(f"{fault}: {by or 'SURVIVED'}", flush=True)
            if options.json and not options.again:
                options.json.write_text(json.dumps(results, indent=1))
    faults_of_answers = [r["caught by"] for r in results if not (r["caught by"] or "").startswith("explained")]
    caught = sum(by is not None for by in faults_of_answers)
    rate = 100 * caught / len(faults_of_answers)
    harmless = len(results) - len(faults_of_answers)
    print(f"\n{caught} of {len(faults_of_answers)} faults caught ({rate:.1f} %); {harmless} more change no answer")
    return 0 if rate >= options.least else 1


if __name__ == "__main__":
    sys.exit(main())

"""The accuracy report: a Markdown page of tables, and a plot of error against radius."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hyp_bench.accuracy.cells import BANDS, Cell

_ORDER = [f"r <= {end:g}" for end in BANDS] + [
    "r > 80",
    "near pairs",
    "x = y",
    "origin",
    "v = 0",
    "huge v",
    "antipodes",
]


def broken(cells: Sequence[Cell]) -> list[Cell]:
    """Cells beyond the contract."""
    return [cell for cell in cells if cell.broken]


def format_error(error: float) -> str:
    """Two significant digits; NaN and infinities in a word."""
    if error == float("inf"):
        return "wrong"
    if error < 0.01:
        return "0" if error == 0 else "< 0.01"
    return f"{error:.2g}" if error < 1e4 else f"{error:.0e}"


def _mark(cell: Cell) -> str:
    text = format_error(cell.error)
    return f"**{text}**" if cell.broken else text if cell.limit is not None else f"({text})"


def _worst(cells: Sequence[Cell], kind: str) -> str:
    mine = [cell for cell in cells if cell.kind == kind]
    return _mark(max(mine, key=lambda cell: cell.error)) if mine else "-"


def _table(cells: Sequence[Cell]) -> list[str]:
    bands = [band for band in _ORDER if any(cell.band == band and cell.kind == "value" for cell in cells)]
    lines = [
        "| operation | bound | " + " | ".join(bands) + " | JVP | VJP |",
        "|---|---|" + "---|" * (len(bands) + 2),
    ]
    for operation in dict.fromkeys(cell.operation for cell in cells):
        own = [cell for cell in cells if cell.operation == operation]
        by_band = {cell.band: _mark(cell) for cell in own if cell.kind == "value"}
        limits = [cell.limit for cell in own if cell.kind == "value" and cell.limit is not None]
        row = [f"`{operation}`", f"{max(limits):g}" if limits else "-", *(by_band.get(band, "") for band in bands)]
        lines.append("| " + " | ".join([*row, _worst(own, "JVP"), _worst(own, "VJP")]) + " |")
    return lines


def write_markdown(path: Path, cells: Sequence[Cell], *, title: str, setting: str, command: str) -> None:
    """Writes the page.

    Args:
        path: the file.
        cells: what was measured.
        title: first heading.
        setting: library, versions, device and inputs, in a sentence.
        command: what reproduces the page.
    """
    lines = [
        f"# {title}", "", setting, "", f"Reproduce with `{command}`.", "",
        "Each number is the worst norm-wise relative error of a band of inputs against arbitrary-precision arithmetic,",
        "in eps of the dtype (2^-23 for float32, 2^-52 for float64), inputs as stored counting as exact; over the",
        "condition number where coordinates are ill-conditioned, as the contract states. r is sqrt|c| times the",
        "distance from the origin. In parentheses: nothing is promised. **Bold**: beyond the contract. JVP and VJP:",
        "forward and reverse derivatives by every argument (the VJP also by c) at r <= 5, over their own condition",
        "numbers as functions of point, curvature and direction; bound 16. Where a derivative jumps within 4 eps of",
        "the inputs (an angle at a line that is straight but for the last digits), a value between its two sides is",
        "right.",
        "",
    ]  # fmt: skip
    for model in dict.fromkeys(cell.model for cell in cells):
        for dtype in dict.fromkeys(cell.dtype for cell in cells if cell.model == model):
            own = [cell for cell in cells if cell.model == model and cell.dtype == dtype]
            lines += [f"## {model}, {dtype}", "", *_table(own), ""]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines), encoding="utf-8")


def plot(path: Path, cells: Sequence[Cell], *, title: str) -> None:
    """Error of every operation against the radius, a panel for every model and dtype."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    models = list(dict.fromkeys(cell.model for cell in cells))
    dtypes = list(dict.fromkeys(cell.dtype for cell in cells))
    figure, axes = plt.subplots(
        len(models), len(dtypes), figsize=(5 * len(dtypes), 2.6 * len(models)), sharex=True, squeeze=False
    )
    for i, model in enumerate(models):
        for j, dtype in enumerate(dtypes):
            axis = axes[i][j]
            for operation in dict.fromkeys(cell.operation for cell in cells if cell.model == model):
                points = [
                    (end, max(cell.error, 1e-2))
                    for end in BANDS
                    for cell in cells
                    if (cell.model, cell.dtype, cell.operation) == (model, dtype, operation)
                    and (cell.kind, cell.band) == ("value", f"r <= {end:g}")
                    and cell.error < float("inf")
                ]
                axis.plot(*zip(*points, strict=True), marker=".", lw=0.8, label=operation) if points else None
            axis.axhline(4, color="black", lw=0.8, ls=":")
            axis.set(xscale="log", yscale="log", title=f"{model}, {dtype}")
            axis.set_ylabel("error in eps")
    for axis in axes[-1]:
        axis.set_xlabel("radius, sqrt|c| d(0, x)")
    figure.suptitle(title)
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
    plt.close(figure)

"""The results as a page of Markdown."""

from collections.abc import Iterator, Mapping
from typing import Any

Results = Mapping[str, Any]


def rows_of(results: Results, kind: str) -> list[dict[str, Any]]:
    """All rows of one kind, with the step that they are of."""
    return [
        {"step": name, **row} for name, step in results["steps"].items() for row in step["rows"] if row["kind"] == kind
    ]


def ceilings(results: Results) -> dict[str, float]:
    """Name of the floor to value."""
    return {row["name"]: row["value"] for row in rows_of(results, "floor")}


def bound(row: Mapping[str, Any], tops: Mapping[str, float]) -> tuple[float, str] | None:
    """The seconds that the row's bytes and products take at least on this device, and which of the two it is.

    Products count as float32, which is what they are on paper; TF32 can be faster and float64 slower.
    """
    if not {"bandwidth", "float32"} <= set(tops):
        return None
    times = {"bytes": row["bytes"] / tops["bandwidth"], "float32 products": row["flops"] / tops["float32"]}
    what = max(times, key=lambda name: times[name])
    return times[what], what


def page(results: Results) -> str:
    """The whole page."""
    return "\n".join([*_head(results), *_steps(results), *_floors(results), *_tests(results), *_speed(results), ""])


def _head(results: Results) -> Iterator[str]:
    yield "# Measured on the device"
    yield ""
    for row in rows_of(results, "setting"):
        versions = ", ".join(f"{name} {version}" for name, version in row["versions"].items())
        yield f"{row['device']} ({row['backend']}), Python {row['python']}, {versions}."
        if row["driver"]:
            yield f"Driver: {row['driver']}."
    yield f"Command: `{results['command']}`, {results['seconds']:.0f} s. float32, blocks until the device is done,"
    yield "medians of rounds in which all contenders of a case take turns; compilation apart."
    yield ""


def _steps(results: Results) -> Iterator[str]:
    yield "| step | status | seconds | limit |"
    yield "|---|---|---|---|"
    for name, step in results["steps"].items():
        yield f"| {name} | {step['status']} | {step['seconds']:.0f} | {step['limit']:.0f} |"
    yield ""


def _floors(results: Results) -> Iterator[str]:
    rows = rows_of(results, "floor")
    if rows:
        yield "## Ceilings of this device"
        yield ""
        yield "| what | measured |"
        yield "|---|---|"
        for row in rows:
            yield f"| {row['name']} | {_scaled(row['value'])}{row['unit']} |"
        yield ""


def _tests(results: Results) -> Iterator[str]:
    rows = rows_of(results, "test")
    if rows:
        outcomes = ("passed", "failed", "skipped", "not run")
        yield "## Properties"
        yield ""
        yield "| step | " + " | ".join(outcomes) + " |"
        yield "|---|---|---|---|---|"
        for step in dict.fromkeys(row["step"] for row in rows):
            own = [row["outcome"] for row in rows if row["step"] == step]
            yield f"| {step} | " + " | ".join(str(own.count(name)) for name in outcomes) + " |"
        yield ""
        for row in rows:
            if row["outcome"] == "failed":
                yield f"- failed: `{row['test'].rpartition('/')[2]}`"
        yield ""


def _speed(results: Results) -> Iterator[str]:
    rows, tops = rows_of(results, "speed"), ceilings(results)
    if not rows:
        return
    yield "## Speed"
    yield ""
    yield "Share: of the bound by bytes or by float32 products, whichever is longer. Beside it the ratio to the"
    yield "Euclidean relative, which computes another function."
    yield ""
    heads = ("case", "what", "ms", "10th to 90th percentile", "bound, ms", "share", "over Euclid", "temporaries, MB")
    yield f"| {' | '.join(heads)} | compiling, s |"
    yield "|---" * (len(heads) + 1) + "|"
    flat = {row["case"]: row["seconds"] for row in rows if row["name"] == "Euclid" and "seconds" in row}
    for row in rows:
        if "error" in row:
            yield f"| {row['case']} | {row['name']} | {row['error']} | | | | | | |"
            continue
        least, base = bound(row, tops), flat.get(row["case"])
        cells = [row["case"], row["name"], _ms(row["seconds"]), f"{_ms(row['low'])} to {_ms(row['high'])}"]
        cells += [f"{_ms(least[0])} ({least[1]})", f"{least[0] / row['seconds']:.0%}"] if least else ["", ""]
        cells += [f"{row['seconds'] / base:.2f}" if base and row["name"] != "Euclid" else ""]
        cells += ["" if row["temporaries"] is None else f"{row['temporaries']:.1f}", f"{row['compile']:.2f}"]
        yield "| " + " | ".join(cells) + " |"


def _ms(seconds: float) -> str:
    return f"{1e3 * seconds:.3g}"


def _scaled(value: float) -> str:
    for size, prefix in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1.0, ""), (1e-3, "m"), (1e-6, "u")):
        if value >= size:
            return f"{value / size:.3g} {prefix}"
    return f"{value:.3g} "

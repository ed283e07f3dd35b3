"""A run as a file: rows, versions, device, command."""

from __future__ import annotations

import dataclasses
import json
import platform
from pathlib import Path
from typing import Any, NamedTuple

from hyp_bench.errors import InputError
from hyp_bench.report.atomic import atomic_write

from .floor import Ceilings
from .libraries import PEERS, versions
from .measure import Row
from .timing import Spread

_FORMAT = 1
_OURS = ("hyp-manifolds", "hyp-optim", "hyp-nn", "hyp-bench", "jax", "jaxlib", "flax", "optax", "numpy", "torch")


class Results(NamedTuple):
    """What a run found and how.

    Attributes:
        command: that repeats it.
        date: of the run, year-month-day.
        device: the processor's name.
        versions: of Python and of the libraries.
        clock: "wall" or "cpu".
        missing: peers that were asked for and are not installed.
        ceilings: of the device; None where neither speed nor memory was measured.
        rows: the measurements.
        growth: fitted exponents.
        hostile: rows of hostile inputs, as mappings.
        interrupted: whether the run was ended before its end.
    """

    command: str
    date: str
    device: str
    versions: dict[str, str]
    clock: str
    missing: tuple[str, ...]
    ceilings: Ceilings | None
    rows: tuple[Row, ...]
    growth: dict[str, float]
    hostile: tuple[dict[str, Any], ...] = ()
    interrupted: bool = False


def device_name() -> str:
    """The accelerator's name, or the processor's model."""
    import jax

    device = jax.devices()[0]
    if device.platform != "cpu":
        return device.device_kind
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{names[0] if names else platform.processor() or 'unknown processor'} ({platform.machine()}), one core"


def all_versions() -> dict[str, str]:
    """Versions of Python, of ours and of every peer that is installed."""
    return {"Python": platform.python_version()} | versions((*_OURS, *PEERS))


def save(path: Path, results: Results) -> None:
    """Writes the file, completely or not at all."""
    ceilings = None if results.ceilings is None else results.ceilings._asdict()
    lists = {"rows": [_plain(row) for row in results.rows], "hostile": list(results.hostile)}
    head = _text({"format": _FORMAT} | results._asdict() | {"ceilings": ceilings} | dict.fromkeys(lists), indent=1)
    for name, rows in lists.items():  # a line a row
        body = ",\n".join(f"  {_text(row)}" for row in rows)
        head = head.replace(f'"{name}": null', f'"{name}": [\n{body}\n ]' if rows else f'"{name}": []')
    with atomic_write(path) as file:
        file.write(f"{head}\n".encode())


def _text(plain: Any, indent: int | None = None) -> str:
    return json.dumps(plain, indent=indent, ensure_ascii=False, allow_nan=False)


def _plain(row: Row) -> dict[str, Any]:
    """What differs from the defaults; infinite errors, which JSON has no number for, as the text inf."""
    found = {f.name: getattr(row, f.name) for f in dataclasses.fields(row)}
    defaults = dataclasses.asdict(Row("", "", "", "", ""))
    found["errors"] = {band: "inf" if e == float("inf") else float(f"{e:.4g}") for band, e in row.errors.items()}
    found |= {
        name: [float(f"{t:.4g}") for t in found[name]] for name in ("seconds", "ratio") if found[name] is not None
    }
    return {name: value for name, value in found.items() if value != defaults[name] or name in ("operation", "mode")}


def load(path: Path) -> Results:
    """Reads a file that `save` wrote.

    Raises:
        InputError: it cannot be read or is no such file.
    """
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}.") from error
    except ValueError as error:
        raise InputError(f"{path}: is no JSON file ({error}).") from error
    if not isinstance(plain, dict) or plain.pop("format", None) != _FORMAT:
        raise InputError(f"{path}: is no file of `hyp-bench compare --json`.")
    rows = [_row(row) for row in plain["rows"]]
    listed: dict[str, Any] = {name: tuple(plain[name]) for name in ("missing", "hostile")}
    ceilings = None if plain["ceilings"] is None else Ceilings(**plain["ceilings"])
    fields: dict[str, Any] = {**plain, **listed, "ceilings": ceilings, "rows": tuple(rows)}
    return Results(**fields)


def _row(plain: dict[str, Any]) -> Row:
    fields: dict[str, Any] = dict(plain)
    fields |= {name: Spread(*plain[name]) for name in ("seconds", "ratio") if name in plain}
    fields["errors"] = {band: float(error) for band, error in plain.get("errors", {}).items()}
    return Row(**fields)

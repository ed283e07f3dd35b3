"""A pytest plugin: writes each outcome as it comes, and begins no test after the time limit.

Environment: HYP_GPU_OUTCOMES, the file; HYP_GPU_DEADLINE, seconds since the epoch.
"""

import json
import os
import pathlib
import time

import pytest

_FILE = pathlib.Path(os.environ["HYP_GPU_OUTCOMES"])
_DEADLINE = float(os.environ["HYP_GPU_DEADLINE"])


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> bool | None:
    """Tests beyond the limit are written down as not run, instead of silently missing."""
    if time.time() < _DEADLINE:
        return None
    _write({"kind": "test", "test": item.nodeid, "outcome": "not run", "seconds": 0.0})
    return True


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.when == "call" or (report.when == "setup" and report.outcome != "passed"):
        text = "" if report.outcome == "passed" else str(report.longrepr)[-600:]
        row = {"kind": "test", "test": report.nodeid, "outcome": report.outcome, "seconds": report.duration}
        _write(row | ({"message": text} if text else {}))


def pytest_collectreport(report: pytest.CollectReport) -> None:
    if report.failed:
        row = {"kind": "test", "test": report.nodeid, "outcome": "failed", "seconds": 0.0}
        _write(row | {"message": str(report.longrepr)[-600:]})


def _write(row: dict[str, object]) -> None:
    with _FILE.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")

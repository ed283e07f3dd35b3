"""What this device can do: memory bandwidth, matrix products, the cost of a launch."""

import importlib.metadata
import platform
import subprocess
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
from timing import compile_for, take_turns

_PACKAGES = ("jax", "jaxlib", "flax", "optax", "chex", "numpy", "hyp-manifolds", "hyp-nn", "hyp-optim")


def setting() -> dict[str, Any]:
    """Device, versions and, where the driver tells, clocks."""
    device, found = jax.devices()[0], {}
    for name in _PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "not installed"
    return {
        "kind": "setting",
        "device": device.device_kind,
        "backend": jax.default_backend(),
        "python": platform.python_version(),
        "versions": found,
        "driver": _driver(),
    }


def _driver() -> str | None:
    query = "name,driver_version,clocks.sm,clocks.max.sm,clocks.mem,power.limit"
    command = ["nvidia-smi", f"--query-gpu={query}", "--format=csv,noheader"]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None


def floors(tiny: bool) -> Iterator[dict[str, Any]]:
    """The setting, then one row for every ceiling."""
    yield setting()
    yield _bandwidth(2**20 if tiny else 2**29)
    yield from _products(256 if tiny else 8192)
    x = jnp.zeros(8)
    program, _ = compile_for(lambda x: x + 1, x)
    found = take_turns({"launch": lambda: program(x)})["launch"]
    yield {"kind": "floor", "name": "launch", "value": found["seconds"], "unit": "s"}


def _bandwidth(count: int) -> dict[str, Any]:
    """Reads and writes of a donated array."""
    program, _ = compile_for(lambda x: 1.0000001 * x + 1e-9, jnp.ones(count), donate=(0,))
    held = [jnp.ones(count)]

    def call() -> jax.Array:
        held.append(program(held.pop()))
        return held[0]

    found = take_turns({"copy": call}, seconds=3)["copy"]
    return {"kind": "floor", "name": "bandwidth", "value": 8 * count / found["seconds"], "unit": "B/s"}


def _products(n: int) -> Iterator[dict[str, Any]]:
    for name, dtype, precision in (
        ("float32", jnp.float32, "highest"),
        ("tensorfloat32", jnp.float32, "tensorfloat32"),
        ("float64", jnp.float64, "highest"),
    ):
        with jax.enable_x64(dtype == jnp.float64), jax.default_matmul_precision(precision):
            a = jax.random.normal(jax.random.key(0), (n, n), dtype)
            program, _ = compile_for(lambda a: a @ a, a)
            found = take_turns({name: lambda a=a, program=program: program(a)}, seconds=3)[name]
        yield {"kind": "floor", "name": name, "value": 2 * n**3 / found["seconds"], "unit": "FLOP/s"}

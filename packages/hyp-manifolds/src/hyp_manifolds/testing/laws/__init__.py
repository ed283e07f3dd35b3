"""Every law that operations of a manifold obey, each stated once and registered in `LAWS`.

A law is a generator of (batched view of the manifold, sample) that yields one `Deviation` per equation, or a sentence
for anything else that is wrong. Define your own with `@law`; `check_manifold` runs whatever is registered.
"""

from . import derivatives, gyro, limits, maps, metric, transforms
from ._law import LAWS, Deviation, Law, law, relative

__all__ = [
    "LAWS",
    "Deviation",
    "Law",
    "derivatives",
    "gyro",
    "law",
    "limits",
    "maps",
    "metric",
    "relative",
    "transforms",
]

"""The registry of models: what the laws, the contract, the accuracy report and the command line run over."""

from hyp_manifolds._manifold import Manifold
from hyp_manifolds.euclidean import Euclidean
from hyp_manifolds.half_space import HalfSpace
from hyp_manifolds.hyperboloid import Hyperboloid
from hyp_manifolds.klein import Klein
from hyp_manifolds.poincare import Poincare
from hyp_manifolds.proper_velocity import ProperVelocity
from hyp_manifolds.sphere import Sphere
from hyp_manifolds.stereographic import Stereographic

MODELS: dict[str, Manifold] = {
    "poincare": Poincare(),
    "hyperboloid": Hyperboloid(),
    "proper_velocity": ProperVelocity(),
    "klein": Klein(),
    "half_space": HalfSpace(),
    "stereographic": Stereographic(),
    "sphere": Sphere(),
    "euclidean": Euclidean(),
}

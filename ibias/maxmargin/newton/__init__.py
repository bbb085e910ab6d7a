"""Second-order methods: the interior point, and Newton steps on the identified face."""

from .interior import Optimum, interior
from .pairs import Pairs
from .polish import active, candidates, least_squares

__all__ = ["Optimum", "Pairs", "active", "candidates", "interior", "least_squares"]

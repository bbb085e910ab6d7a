"""Second-order methods: the interior point, and Newton steps on the identified face."""

from .equations import Factor
from .interior import Optimum, interior
from .pairs import Pairs
from .polish import active, candidates

__all__ = ["Factor", "Optimum", "Pairs", "active", "candidates", "interior"]

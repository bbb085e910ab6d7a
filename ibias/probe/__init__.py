"""Which margin does an optimizer maximise on a network of one's own?"""

from .probe import Probe

__all__ = ["Probe"]

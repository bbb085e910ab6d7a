"""The norms of the second paper's networks, whatever their number of layers."""

from dataclasses import dataclass

from ibias.norms import MAX, SPECTRAL, Norm
from ibias.probe.network_norms import L2, WholeNorm


@dataclass(frozen=True)
class BlockMax(WholeNorm):
    """``max(ratio * max_j matrices(W_j), last(v))``, v the last block: l-infinity, max-spectral and
    the hybrids are of this form."""

    matrices: Norm
    last: Norm
    ratio: float = 1.0
    text: str = ""

    def parts(self, count):
        last = self.last, 1.0 if count > 1 else self.ratio
        return [(self.matrices, self.ratio)] * (count - 1) + [last]


def hybrid(ratio: float = 1.0) -> BlockMax:
    """``max(ratio max_j ||W_j||_spectral, ||v||_inf)``: Muon's step on the matrices, a sign step
    ``ratio`` times as long on the last."""
    return BlockMax(SPECTRAL, MAX, ratio, "hybrid")


LINF = BlockMax(MAX, MAX, text="linf")
MAX_SPECTRAL = BlockMax(SPECTRAL, SPECTRAL, text="spectral")
HYBRID = hybrid()
# the columns of every table of a run
WHOLE: tuple[WholeNorm, ...] = (L2, LINF, MAX_SPECTRAL, HYBRID)

"""Pairs in rounds, as in a tournament: which of Jacobi's rotations may run side by side."""

import numpy as np


def tournament(count: int) -> np.ndarray:
    """All pairs of ``0 .. count-1``, disjoint in each round: ``(rounds, count // 2, 2)``."""
    players = list(range(count + count % 2))
    rounds = []
    for _ in range(len(players) - 1):
        half = len(players) // 2
        pairs = zip(players[:half], players[::-1], strict=False)
        rounds.append([(min(p), max(p)) for p in pairs if max(p) < count])
        players = [players[0], players[-1], *players[1:-1]]
    return np.array(rounds, dtype=np.int64).reshape(len(rounds), count // 2, 2)

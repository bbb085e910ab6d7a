"""The set of all optimal W: its dimension and its point of least Frobenius norm."""

from .interior import ball_type


def optimal_face(pairs, norm, optimum):
    """The fields of ``MaxMargin`` about the face: unique, face_dim, canonical, canonical_accuracy."""
    return {}

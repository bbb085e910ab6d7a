"""The Sphinx extension of the book: `extra_extensions: [ibias_book.sphinx]` in _config.yml."""

from . import (
    badges,
    command_reference,
    furniture,
    interactive,
    ledger,
    mentions,
    offline,
    previews,
    proofs,
    symbols,
)

PIECES = (
    ledger,
    offline,
    interactive,
    command_reference,
    mentions,
    badges,
    proofs,
    symbols,
    furniture,
    previews,
)


def setup(app):
    """Register the ledger of claims, badges and proofs of statements, links of what is named and of
    symbols, interactive figures, what ends a chapter, pages that need no network, and the cards of
    all links."""
    for piece in PIECES:
        piece.setup(app)
    return {"parallel_read_safe": False, "parallel_write_safe": True}

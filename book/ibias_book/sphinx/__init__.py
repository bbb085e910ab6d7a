"""The Sphinx extension of the book: `extra_extensions: [ibias_book.sphinx]` in _config.yml."""

from . import badges, interactive, ledger, mentions, offline, previews, proofs, symbols


def setup(app):
    """Register the ledger of claims, badges and proofs of statements, links of what is named and of
    symbols, interactive figures, pages that need no network, and the cards of all links."""
    for piece in (ledger, offline, interactive, mentions, badges, proofs, symbols, previews):
        piece.setup(app)
    return {"parallel_read_safe": False, "parallel_write_safe": True}

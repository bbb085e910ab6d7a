"""The Sphinx extension of the book: `extra_extensions: [ibias_book.sphinx]` in _config.yml."""

from . import furniture, interactive, ledger, offline, previews, symbols


def setup(app):
    """Register the ledger of claims, the interactive figures, pages that need no network, links of
    symbols, what ends a chapter, and the cards of all links."""
    for piece in (ledger, offline, interactive, symbols, furniture, previews):
        piece.setup(app)
    return {"parallel_read_safe": False, "parallel_write_safe": True}

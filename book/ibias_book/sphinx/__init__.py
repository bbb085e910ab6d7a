"""The Sphinx extension of the book: `extra_extensions: [ibias_book.sphinx]` in _config.yml."""

from . import dark, interactive, ledger, mentions, offline


def setup(app):
    """Register the ledger of claims, links of what is named, the interactive figures, and pages
    that need no network."""
    for piece in (ledger, offline, interactive, mentions, dark):
        piece.setup(app)
    return {"parallel_read_safe": False, "parallel_write_safe": True}

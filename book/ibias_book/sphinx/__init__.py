"""The Sphinx extension of the book: `extra_extensions: [ibias_book.sphinx]` in _config.yml."""

from . import badges, interactive, ledger, mentions, offline, proofs


def setup(app):
    """Register the ledger of claims, badges and proofs of statements, links of what is named,
    interactive figures, and pages that need no network."""
    for piece in (ledger, offline, interactive, mentions, badges, proofs):
        piece.setup(app)
    return {"parallel_read_safe": False, "parallel_write_safe": True}

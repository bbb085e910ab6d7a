"""The Sphinx extension of the book: `extra_extensions: [ibias_book.sphinx]` in _config.yml."""

from pathlib import Path
from zlib import crc32

from . import (
    badges,
    chapter_map,
    code_folds,
    command_reference,
    dark,
    furniture,
    interactive,
    ledger,
    mentions,
    offline,
    plain_words,
    previews,
    proof_index,
    proofs,
    symbols,
)

PIECES = (
    ledger,
    chapter_map,
    offline,
    interactive,
    command_reference,
    plain_words,
    mentions,
    badges,
    proofs,
    symbols,
    code_folds,
    dark,
    proof_index,
    furniture,
    previews,
)


def setup(app):
    """Register the ledger of claims, badges and proofs of statements with their index, numbers and
    names as in print, links of what is named and of symbols, interactive figures, drawings for the
    dark, the folds of code, what ends a chapter, pages that need no network, and the cards of all
    links."""
    for piece in PIECES:
        piece.setup(app)
    return {"env_version": source(), "parallel_read_safe": False, "parallel_write_safe": True}


def source() -> int:
    """A number that changes with this extension: pages that an earlier one wrote are written
    anew."""
    files = sorted(Path(__file__).parent.glob("*.py"))
    return crc32(b"".join(file.read_bytes() for file in files))

"""``python -m ibias_book.fluctuating``: train and measure again whatever is missing from the
shipped data."""

from pathlib import Path

from .shipped import DATA, make

if __name__ == "__main__":
    make(Path(str(DATA)))

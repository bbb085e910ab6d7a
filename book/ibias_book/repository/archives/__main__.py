"""``python -m ibias_book.repository.archives``: bring the plays, and say what there is.

The book builds without them, so this fails for nothing that a network does.
"""

from . import texts
from .digits import images
from .errors import Unavailable

if __name__ == "__main__":
    try:
        print(f"MNIST: {len(images().labels)} digits from {images().source}")
    except Unavailable as err:
        print(f"Without MNIST: {err}. Its chapters use the data at hand and say so.")
    try:
        texts.fetch(texts.archive())
        print(f"Shakespeare: {len(texts.plays())} characters of his plays")
    except Unavailable as err:
        print(f"Without Shakespeare: {err}. Its chapter uses the text at hand and says so.")

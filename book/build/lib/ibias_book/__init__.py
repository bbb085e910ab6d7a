"""The book about three papers: what turns notebooks into pages, and the programs of its chapters.

Inside the book's repository finished runs are kept in `_build/store`, unless IBIAS_STORE names
another folder.
"""

import os
from pathlib import Path

for _folder in (Path.cwd(), *Path.cwd().parents):
    if (_folder / "_toc.yml").is_file() and (_folder / "book" / "ibias_book").is_dir():
        os.environ.setdefault("IBIAS_STORE", str(_folder / "_build" / "store"))
        break

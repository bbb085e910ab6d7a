"""svmlight, the format of LIBSVM's data sets: a row names the features that are not 0."""

import re
from array import array
from pathlib import Path

import numpy as np

from .cells import content, numbers_or_text
from .features import TOO_LONG
from .tables import LIMIT, Ask, Table

_ROW = re.compile(rb"\s*([^\s:,]+)((?:\s+\d+:[^\s:_]+)*)\s*")


def read_svmlight(path: Path, ask: Ask) -> Table:
    """Rows ``label index:value index:value ...  # comment``, plain or .gz; the features stay
    sparse.  Indices count from 0 when there is a 0 among them, else from 1."""
    from scipy.sparse import csr_array

    numbers, labels, lengths, lines = array("d"), [], [], []
    for line, text in enumerate(content(path).splitlines(), 1):
        text = text.partition(b"#")[0]
        if not text.strip():
            continue
        row = _ROW.fullmatch(text)
        texts = row[2].replace(b":", b" ").split() if row else []
        if row is None or not _extends(numbers, texts):
            shown = text[:60].decode(errors="replace")
            raise ValueError(f"line {line} is not 'label index:value index:value ...': {shown!r}")
        for value in texts[1::2] if max(map(len, texts), default=0) > 15 else ():
            if value.lstrip(b"+-").isdigit() and int(value) != int(float(value)):
                raise ValueError(TOO_LONG.format(f"line {line}, a value", value.decode()[:40]))
        labels.append(row[1].decode())
        lengths.append(text.count(b":"))
        lines.append(line)
    index, values = np.array(numbers).reshape(-1, 2).T
    sample = np.repeat(np.arange(len(labels)), lengths)
    if (index >= LIMIT // 8).any():
        line = lines[sample[np.argmax(index >= LIMIT // 8)]]
        raise ValueError(f"line {line} has a feature beyond {LIMIT // 8:,}, the last that is read")
    first = int(len(index) == 0 or index.min() > 0)
    places, d = (sample, index.astype(np.int64) - first), int(index.max(initial=first - 1))
    x = csr_array((values, places), shape=(len(labels), d + 1 - first))
    twice = np.diff(x.indptr) != lengths
    if twice.any():
        raise ValueError(f"line {lines[int(np.argmax(twice))]} gives a feature twice")
    columns = range(first, first + x.shape[1])
    return Table(x, numbers_or_text(labels), columns, lambda row: f"line {lines[row]}", labels)


def _extends(numbers: array, texts: list[bytes]) -> bool:
    """Append what the texts say; False when one is no number."""
    try:
        numbers.extend(map(float, texts))
        return True
    except ValueError:
        return False

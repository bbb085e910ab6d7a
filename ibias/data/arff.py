"""ARFF, the format of Weka and OpenML: a header of attributes, then rows as in CSV."""

import io
import re
from pathlib import Path

from .cells import Cells, content
from .tables import Ask, Table, label_column

_ATTRIBUTE = re.compile(r"""@attribute\s+('[^']*'|"[^"]*"|[^\s'"]+)\s+(\S.*)""", re.IGNORECASE)


def read_arff(path: Path, ask: Ask) -> Table:
    """Numeric attributes and one nominal, the class; dense rows, plain or .gz."""
    data, kinds, skip = content(path), {}, 0
    for skip, line in enumerate(io.TextIOWrapper(io.BytesIO(data), "utf-8"), 1):
        word = line.strip()
        if word.lower() == "@data":
            break
        given = _ATTRIBUTE.fullmatch(word)
        if given:
            kinds[given[1].strip("'\"")] = given[2]
        elif word and not word.lower().startswith(("%", "@relation")):
            raise ValueError(f"line {skip}: {word[:40]!r} is no @attribute, @relation or @data")
    else:
        raise ValueError("an ARFF file needs a line @data")
    other = [n for n, kind in kinds.items() if kind.lower() not in ("numeric", "real", "integer")]
    label = other[0] if ask.label == "label" not in kinds and len(other) == 1 else ask.label
    where = label_column(list(kinds), label)
    for name in other:
        if name != label:
            needed = "every attribute but the label must be numeric"
            raise ValueError(f"attribute {name!r} is {kinds[name][:40]}; {needed}")
    data = re.sub(rb"(?m)^[ \t]*%.*$", b"", data)  # comments; the lines keep their numbers
    if re.search(rb"(?mi)^@data\s*\{", data):
        raise ValueError("sparse rows { ... } of ARFF are not read; write the data as .svmlight")
    return Cells(data, skip, list(kinds), where, quote="'").table()

"""Numbers and labels out of text with cells, as in CSV: read fast, and once more, slowly, to name
the line and the column where they cannot be read."""

import codecs
import csv
import gzip
import io
import re
import zlib
from array import array
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from .features import TOO_LONG
from .tables import LIMIT, Ask, Table, label_column, stacked


@dataclass(frozen=True)
class Cells:
    """Separated cells from line ``skip`` on; ``where``: the index of the label's column."""

    data: bytes
    skip: int
    columns: list[str]
    where: int
    separator: str = ","
    decimal: str = "."
    quote: str = '"'

    def table(self) -> Table:
        x, labels = self._quickly() or self._slowly()
        if not labels:
            raise ValueError("a header and no samples")
        if np.abs(x, where=np.isfinite(x), out=np.zeros_like(x)).max(initial=0) >= 2**53:
            self._refuse_lost_digits()
        line = lambda row: f"line {next(islice(self._rows(), row, None))[0]}"  # noqa: E731
        return Table(x, numbers_or_text(labels), self._names(), line, labels)

    def _refuse_lost_digits(self) -> None:
        for line, cells in self._rows():
            del cells[self.where]
            for name, cell in zip(self._names(), cells, strict=True):
                if re.fullmatch(r"\s*[+-]?\d+\s*", cell) and int(cell) != int(float(cell)):
                    place = f"line {line}, column {name!r}"
                    raise ValueError(TOO_LONG.format(place, cell.strip()[:40]))

    def _names(self) -> list[str]:
        return self.columns[: self.where] + self.columns[self.where + 1 :]

    def _quickly(self) -> tuple[np.ndarray, list[str]] | None:
        """By pyarrow; None where it is absent, objects, or may read quotes other than `csv`."""
        try:
            import pyarrow
            import pyarrow.csv as arrow
        except ImportError:
            return None
        start = 0
        for _ in range(self.skip):
            start = self.data.find(b"\n", start) + 1
        if (not start and self.skip) or self.data.find(self.quote.encode(), start) >= 0:
            return None
        names = [str(index) for index in range(len(self.columns))]
        kinds = dict.fromkeys(names, pyarrow.float64()) | {names[self.where]: pyarrow.string()}
        try:
            table = arrow.read_csv(
                pyarrow.BufferReader(pyarrow.py_buffer(self.data).slice(start)),
                # its thread pool, beside torch, can abort the interpreter at exit
                arrow.ReadOptions(use_threads=False, block_size=2**24, column_names=names),
                arrow.ParseOptions(delimiter=self.separator, quote_char=False),
                arrow.ConvertOptions(
                    column_types=kinds, null_values=[], decimal_point=self.decimal
                ),
            )
        except pyarrow.ArrowException:
            return None
        labels = [label.strip() for label in table.column(self.where).to_pylist()]
        return stacked(table.remove_column(self.where)), labels

    def _slowly(self) -> tuple[np.ndarray, list[str]]:
        numbers, labels, width = array("d"), [], len(self.columns)
        plain = self.decimal == "." and b"_" not in self.data
        for line, cells in self._rows():
            if len(cells) != width:
                named = f"the header names {width} columns"
                raise ValueError(f"line {line} has {len(cells)} cells while {named}")
            labels.append(cells.pop(self.where).strip())
            try:
                numbers.extend(map(float if plain else self._number, cells))
            except ValueError:
                raise ValueError(self._odd_cell(line, cells)) from None
        return np.array(numbers).reshape(len(labels), width - 1), labels

    def _rows(self):
        """``(number of its last line, cells)`` of every row that is not blank."""
        source = io.TextIOWrapper(io.BytesIO(self.data), "utf-8", newline="")
        for _ in islice(source, self.skip):
            pass
        form = dict(delimiter=self.separator, quotechar=self.quote, skipinitialspace=True)
        reader = csv.reader(source, strict=True, **form)
        try:
            for cells in reader:
                if cells:
                    yield self.skip + reader.line_num, cells
        except csv.Error as error:
            raise ValueError(f"line {self.skip + reader.line_num}: {error}") from error

    def _number(self, cell: str) -> float:
        if "_" in cell or (self.decimal != "." and "." in cell):
            raise ValueError
        return float(cell.replace(self.decimal, "."))

    def _odd_cell(self, line: int, cells: list[str]) -> str:
        """The sentence about the first cell that is no number."""
        for name, cell in zip(self._names(), cells, strict=True):
            try:
                self._number(cell)
            except ValueError:
                place = f"line {line}, column {name!r}: {cell.strip()[:40]!r} is not a number"
                if self.decimal != "." or not re.fullmatch(r"[+-]?\d*,\d+", cell.strip()):
                    return place
                return place + " (a decimal comma? use a point, or decimal=',' (--decimal ,))"
        return f"line {line} is not numbers"


def read_csv(path: Path, ask: Ask) -> Table:
    """UTF-8 with or without a byte-order mark, plain or .gz; the first row names the columns."""
    if not re.fullmatch(r"[\t -!#-~]", ask.separator) or ask.separator == ask.decimal:
        raise ValueError(
            f"separator={ask.separator!r}, decimal={ask.decimal!r}: the separator is one character,"
            " ASCII, not a quote and not the decimal sign; beside a decimal comma often ';' or tab"
        )
    if ask.decimal not in (".", ","):
        raise ValueError(f"decimal={ask.decimal!r}: '.' or ','")
    data = content(path)
    skip, header = next(Cells(data, 0, [], 0, ask.separator)._rows(), (0, []))
    header = [name.strip() for name in header]
    where = label_column(header, ask.label)
    return Cells(data, skip, header, where, ask.separator, ask.decimal).table()


def numbers_or_text(labels: list[str]) -> np.ndarray:
    """Labels as numbers when every one of them is a number, else as the text they are."""
    try:
        values = np.array([float(text) if "_" not in text else np.nan for text in labels])
    except ValueError:
        return np.array(labels)
    return values if np.isfinite(values).all() else np.array(labels)


def content(path: Path) -> bytes:
    """The bytes of a text file, unpacked when it ends in .gz, without a byte-order mark."""
    size = path.stat().st_size
    data = path.read_bytes() if size <= LIMIT else b""
    if path.suffix.lower() == ".gz":
        try:
            with gzip.open(io.BytesIO(data)) as file:
                data = file.read(LIMIT + 1)
        except (OSError, EOFError, zlib.error) as error:
            raise ValueError(f"not a readable gz file ({error})") from error
        size = len(data)
    if size > LIMIT:
        raise ValueError(f"{size:,} bytes or more; at most {LIMIT:,} are read")
    try:
        data.decode()
    except UnicodeDecodeError as error:
        raise ValueError(f"not UTF-8 text (byte {error.start})") from error
    return data.removeprefix(codecs.BOM_UTF8)

"""The two halves of a notebook: the reviewed .py and the .ipynb that Jupyter and papermill open.

The .ipynb remembers, in its metadata, the content on which both halves last agreed.  An edit of one
half is then told from an edit of the other, and neither is lost:

python -m ibias_book.run.pairs           # say which pairs differ
python -m ibias_book.run.pairs sync      # carry each edit to the other half
python -m ibias_book.run.pairs sync --keep py 05_experiment     # both edited: this one stays
"""

from __future__ import annotations

import argparse
import difflib
import sys
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import nbformat

from ..repository import find_root

AGREED = "ibias_pair"  # key in the notebook's metadata: SHA-256 of the cells both halves had
KEPT = ("tags", "mystnb")  # cell metadata that both halves hold
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
ENDINGS = {"py": ".py", "ipynb": ".ipynb"}


class PairsDiffer(ValueError):
    """Both halves of a notebook were edited since they last agreed."""


@dataclass(frozen=True)
class Pair:
    """One notebook's halves; ``path`` is that of the .py."""

    path: Path

    def cells(self, half: str) -> list[tuple]:
        """Kind, source and kept metadata of each cell of a half, "py" or "ipynb"."""
        import jupytext

        notebook = jupytext.read(self.path.with_suffix(ENDINGS[half]))
        # as the .py can hold them: without the empty lines that Jupyter leaves at a cell's end
        notebook = jupytext.reads(jupytext.writes(notebook, "py:percent"), "py:percent")
        return [
            (c.cell_type, c.source, {k: c.metadata[k] for k in KEPT if c.metadata.get(k)})
            for c in notebook.cells
        ]

    def edited(self) -> str:
        """Which half was edited since both agreed: "", "py", "ipynb" or "both"."""
        py, ipynb = self.path, self.path.with_suffix(".ipynb")
        if not ipynb.is_file():
            return "py"
        if not py.is_file():
            return "ipynb"
        now = {half: _digest(self.cells(half)) for half in ENDINGS}
        if now["py"] == now["ipynb"]:
            return ""
        agreed = nbformat.read(ipynb, as_version=4).metadata.get(AGREED)
        changed = [half for half in ENDINGS if now[half] != agreed]
        return changed[0] if len(changed) == 1 else "both"

    def sync(self, keep: str = "") -> str:
        """Carry the edit of one half to the other; returns the half that was edited.  ``keep``
        decides where both were.  Raises PairsDiffer, with the difference, when nobody decided."""
        edited = self.edited()
        if edited == "both":
            if not keep:
                raise PairsDiffer(
                    f"{self.path.stem}: both halves were edited.\n{self.difference()}"
                )
            edited = keep
        if edited:
            self._write("ipynb" if edited == "py" else "py")
        self._remember()
        return edited

    def difference(self) -> str:
        """The .py beside the .ipynb, as a unified diff of their cells."""
        texts = [
            "\n\n".join(f"[{kind}]\n{source}" for kind, source, _ in self.cells(half)).splitlines()
            for half in ENDINGS
        ]
        names = (self.path.with_suffix(ending).name for ending in ENDINGS.values())
        return "\n".join(difflib.unified_diff(*texts, *names, lineterm="", n=1))

    def _write(self, half: str) -> None:
        from jupytext.cli import jupytext

        source = self.path.with_suffix(".py" if half == "ipynb" else ".ipynb")
        target = ["ipynb", "--update"] if half == "ipynb" else ["py:percent"]  # cell ids stay
        jupytext(["--quiet", "--to", *target, str(source)])

    def _remember(self) -> None:
        path = self.path.with_suffix(".ipynb")
        notebook, agreed = nbformat.read(path, as_version=4), _digest(self.cells("py"))
        if notebook.metadata.get(AGREED) != agreed or "kernelspec" not in notebook.metadata:
            notebook.metadata[AGREED] = agreed
            notebook.metadata.setdefault("kernelspec", dict(KERNEL))  # of a .py without a header
            nbformat.write(notebook, path)


def pairs(root: Path, names: list[str] | None = None) -> list[Pair]:
    """The pairs in `notebooks/`, or those named; LookupError for a name that there is not."""
    there = {p.stem for p in (root / "notebooks").glob("*") if p.suffix in ENDINGS.values()}
    wanted = [Path(name).stem for name in names or sorted(there)]
    if unknown := sorted(set(wanted) - there):
        raise LookupError(
            f"no notebook {', '.join(unknown)} in {root / 'notebooks'}; there are:"
            f" {', '.join(sorted(there))}"
        )
    return [Pair(root / "notebooks" / f"{name}.py") for name in wanted]


def in_step(root: Path, names: list[str]) -> None:
    """Carry edits over before something runs; raises PairsDiffer with what to do."""
    for pair in pairs(root, names):
        try:
            pair.sync()
        except PairsDiffer as error:
            raise PairsDiffer(
                f"{error}\nNothing was changed. Choose with `python -m ibias_book.run.pairs sync"
                f" --keep py {pair.path.stem}` or `--keep ipynb`"
            ) from None


def _digest(cells: list[tuple]) -> str:
    return sha256(repr(cells).encode()).hexdigest()


def main(argv: list[str] | None = None) -> int:
    """The command line; 1 where pairs differ."""
    parser = argparse.ArgumentParser(prog="python -m ibias_book.run.pairs", description=__doc__)
    parser.add_argument("action", nargs="?", choices=["check", "sync"], default="check")
    parser.add_argument("names", nargs="*", help="notebooks, such as 05_experiment; else all")
    parser.add_argument("--keep", choices=list(ENDINGS), default="", help="where both were edited")
    args = parser.parse_intermixed_args(argv)
    status = 0
    try:
        chosen = pairs(find_root(), args.names)
    except LookupError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    for pair in chosen:
        try:
            edited = pair.sync(args.keep) if args.action == "sync" else pair.edited()
        except PairsDiffer as error:
            print(f"error: {error}\n--keep py or --keep ipynb decides", file=sys.stderr)
            status = 1
            continue
        if edited and args.action == "sync":
            print(f"{pair.path.stem}: the other half follows the .{edited}")
        elif edited:
            print(f"{pair.path.stem}: edited: {edited}; `make pairs` carries it over")
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())

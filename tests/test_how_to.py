"""The how-to pages, run from top to bottom: what they print is what stands on them."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

BOOK = Path(__file__).resolve().parents[1] / "book"
PAGES = ["own_norm", "judge_optimizers", "exact_muon", "own_chapter"]
NUMBER = re.compile(r"-?\d+\.\d+")
MARK = "---- end of a block ----"


def blocks(page: str) -> list[tuple[str, str]]:
    """Each Python block of a page with the text that follows it as its output, in order."""
    text = (BOOK / f"{page}.md").read_text(encoding="utf-8")
    found = re.findall(r"^```python\n(.*?)^```\n(?:\n```text\n(.*?)^```)?", text, re.M | re.S)
    return [(code, output) for code, output in found]


@pytest.mark.parametrize("page", PAGES)
def test_a_page_prints_what_it_says(page, tmp_path):
    code = "".join(f"{source}\nprint({MARK!r})\n" for source, _ in blocks(page))
    (tmp_path / "page.py").write_text(code, encoding="utf-8")
    done = subprocess.run(  # IPython shows a figure or a claim as its plain text
        [sys.executable, "-m", "IPython", "--no-banner", "--colors=NoColor", "page.py"],
        cwd=tmp_path,
        env=os.environ | {"MPLBACKEND": "agg", "IBIAS_PROGRESS": "0"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    printed = [part.strip() for part in done.stdout.split(MARK)][:-1]
    expected = [output.strip() for _, output in blocks(page)]
    assert [NUMBER.sub("#", p) for p in printed] == [NUMBER.sub("#", e) for e in expected]
    for one, other in zip(printed, expected, strict=True):
        got, said = (list(map(float, NUMBER.findall(text))) for text in (one, other))
        # float32 training and mini-batch runs differ in the last digit shown between machines
        assert got == pytest.approx(said, rel=0.05, abs=0.02)

"""Our entry points act in every book of the environment: somebody else's plotly figure stays theirs."""

import subprocess
import sys

import nbformat
import pytest

pytest.importorskip("plotly")


@pytest.mark.slow  # a Sphinx build of its own
def test_another_books_plotly_figure_is_shown(tmp_path):
    figure = {"data": [{"type": "scatter", "x": [1, 2], "y": [3, 4]}], "layout": {}}
    html = '<div id="their-plot">plotly draws here</div>'
    bundle = {"application/vnd.plotly.v1+json": figure, "text/html": html}
    cell = nbformat.v4.new_code_cell(
        "fig", outputs=[nbformat.v4.new_output("display_data", bundle)], execution_count=1
    )
    text = nbformat.v4.new_markdown_cell("# Their page")
    language = {"language_info": {"name": "python"}}
    book = nbformat.v4.new_notebook(cells=[text, cell], metadata=language)
    nbformat.write(book, tmp_path / "page.ipynb")
    (tmp_path / "conf.py").write_text(
        "extensions = ['myst_nb']\nnb_execution_mode = 'off'\nroot_doc = 'page'\n"
        # myst-nb says that it takes the html beside plotly's own type: as without us
        "suppress_warnings = ['mystnb.unknown_mime_type']\n"
    )
    build = [sys.executable, "-m", "sphinx", "-q", "-W", str(tmp_path), str(tmp_path / "html")]
    done = subprocess.run(build, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert html in (tmp_path / "html" / "page.html").read_text()

"""Both distributions as wheels, and the library in an environment of its own without extras:
`python tests/support/wheels.py`, called by `make wheel`."""

import subprocess
import sys
import tempfile
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PIP = ["-m", "pip", "--quiet", "--disable-pip-version-check"]
USE = """
import sys
import numpy as np
import torch
import ibias as ib

heavy = {"cvxpy", "matplotlib", "dask", "numba", "sklearn", "pyarrow", "ibias_book"}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
data = ib.data.mixture(classes=3, per_class=4, dim=5)
muon = ib.SteepestDescent(ib.SPECTRAL, ib.Momentum(0.9, ib.Minibatch(4)), ib.Power(0.3))
best = ib.max_margin(data, ib.SPECTRAL)
assert best.gap < 1e-12
runs = ib.simulate(data, muon, steps=200, progress=False)
again = ib.sweep(data, muon, steps=200, store="runs", progress=False)
np.testing.assert_allclose(runs.margin, again.margin, rtol=1e-12)
assert ib.sweep(data, muon, steps=200, store="runs", progress=False).attrs["from_store"] == 1
model = torch.nn.Linear(4, 4, bias=False)
optimizer = ib.optim.Muon(model.parameters(), lr=0.1)
model(torch.ones(1, 4)).sum().backward()
optimizer.step()
np.savez("mine.npz", x=data.x, y=data.y)
print("used", ib.__version__)
"""
# a command that lacks its extra says which
LACKING = {
    ("margin", "digits:3-8", "--norm", "max"): "ibias[data]",
    ("margin", "mine.npz", "--norm", "max", "--solver", "cvxpy"): "ibias[margin]",
    ("train", "mine.npz", "--norm", "max", "-b", "full", "--steps", "9"): "ibias[cli]",
}


def run(*command, cwd, code=0):
    """The output of a command; AssertionError with it when it ends otherwise."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == code, f"{command}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def main():
    """Build, look inside, install, use."""
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        for source in (ROOT, ROOT / "book"):
            build = ["wheel", "--no-deps", "-w", str(folder), str(source)]
            run(sys.executable, *PIP, *build, cwd=folder)
        library, book = folder.glob("ibias-*.whl"), folder.glob("ibias_book-*.whl")
        (library,), (book,) = library, book
        names = zipfile.ZipFile(library).namelist()
        strange = [n for n in names if not n.startswith(("ibias/", "ibias-"))]
        assert not strange and "ibias/py.typed" in names, strange
        assert any(n.endswith("data/points.npz") for n in zipfile.ZipFile(book).namelist())
        venv.create(folder / "env", with_pip=True)
        python = str(folder / "env" / "bin" / "python")
        pins = ["install", "-c", str(ROOT / "constraints.txt"), str(library)]
        run(python, *PIP, *pins, cwd=folder)
        print(run(python, "-c", USE, cwd=folder).strip().splitlines()[-1])
        command = str(folder / "env" / "bin" / "ibias")
        assert "margin" in run(command, "--help", cwd=folder)
        run(command, "margin", "mine.npz", "--norm", "spectral", cwd=folder)
        for words, extra in LACKING.items():
            said = run(command, *words, cwd=folder, code=1)
            assert extra in said and said.count("\n") == 1, said
    print("both wheels: built, and the library used without extras")


if __name__ == "__main__":
    main()

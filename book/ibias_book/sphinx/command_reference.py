"""```{command-reference}```: every command with its arguments, options and defaults, read off the
commands themselves.

Part of the Sphinx extension `ibias_book.sphinx`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective

OWN = {"help", "install_completion", "show_completion"}  # typer's


def commands() -> Iterator[tuple[str, object]]:
    """("ibias margin", its command), groups opened, in the order of ``ibias --help``."""
    import typer

    from ibias.cli.app import app

    waiting = [("ibias", typer.main.get_command(app))]
    while waiting:
        name, command = waiting.pop(0)
        below = getattr(command, "commands", {})
        waiting = [(f"{name} {word}", sub) for word, sub in below.items()] + waiting
        if not below:
            yield name, command


def described(name: str, command) -> list[str]:
    """The lines of Markdown about one command."""
    import typer

    context = typer.Context(command)
    words = [_shown(p) for p in command.params if p.param_type_name == "argument"]
    rows = [
        f"| {_names(p, context)} | {_cell(p.help)} | {_default(p)} |"
        for p in command.params
        if p.name not in OWN and not getattr(p, "hidden", False)
    ]
    head = ["| option | what it says | without it |", "|---|---|---|"] if rows else []
    return [f"**`{' '.join([name, *words])}`**", "", command.help or "", "", *head, *rows, ""]


def _shown(argument) -> str:
    text = re.sub(r"^\[|\].*$|\.{3}$", "", argument.metavar or argument.name.upper())
    text += "..." if argument.nargs == -1 else ""
    return text if argument.required else f"[{text}]"


def _names(p, context) -> str:
    if p.param_type_name == "argument":
        return f"`{_shown(p)}`"
    value = "" if p.is_flag else f" {(p.metavar or p.display_type(context)).strip('<>').upper()}"
    return ", ".join(f"`{word}{value}`" for word in [*p.opts, *p.secondary_opts])


def _default(p) -> str:
    empty = p.default in (None, False, "", []) or callable(p.default)
    return "" if empty or p.required else f"`{p.default}`"


def _cell(text: str | None) -> str:
    text = " ".join((text or "").replace("|", r"\|").split())
    return re.sub(r"(?<![`\w])\w+:[\w.-]*\w", r"`\g<0>`", text)  # digits:3-8 is typed as it stands


class CommandReference(SphinxDirective):
    """The commands, one after the other."""

    def run(self):
        lines = [line for name, command in commands() for line in described(name, command)]
        holder = nodes.container(classes=["ibias-commands"])
        self.state.nested_parse(StringList(lines, "commands"), self.content_offset, holder)
        return [holder]


def setup(app):
    app.add_directive("command-reference", CommandReference)

"""The library's sentences name its arguments; here those become options, or a grid file's keys."""

import re

TRY = "Try --solver auto, or features of similar size with --standardise"
OPTIONS = {  # what the library says -> the option, and the key of `ibias sweep`
    r"Momentum\(beta=\.\.\.\)": ("--momentum", "momenta"),
    r"Power\((a|eta0)=\.\.\.\)": (r"--\1", r"schedule.\1"),
    r"digits\(classes=\.\.\.\)": ("digits:3-8",) * 2,
    r"^steps counts": ("--steps counts", "steps counts"),
    r"Minibatch\(b\)": ("--batch-size", "batch_sizes"),
    r" Minibatch\(\d+, ragged=True\) allows": (" --ragged allows", None),
    r"Minibatch\((\d+)\)": (r"--batch-size \1", r"batch size \1"),
    r"FullBatch\(\)": ("--batch-size full", "full"),
    r"device='([^']*)'": (r"--device \1", r"device \1"),
    r"^unknown backend": ("--backend: unknown backend", "unknown backend"),
    r"^(solver|tolerance|seconds)\b": (r"--\1", r"--\1"),
    r", or None; got": ("; got", "; got"),
    r"allow more, or set a tolerance": ("allow more --seconds, or set a --tolerance",) * 2,
    r"\(\.certificate, \.check\(dataset\)\)": ("(--proof FILE writes them down)", ""),
    r"\b(separator|decimal|labels?)=('[^']*'|\.\.\.)( \(--[^)]*\))?": (r"--\1 \2", r"\1 \2"),
    r"\bstandardise=True": ("--standardise", "standardise"),
    r" Pass name=\.\.\. to tell them apart\.": ("",) * 2,
    r"; allow_missing=True returns what there is": ("",) * 2,
    r"(, or pass|; or|, or) store=None": (" or leave out --store",) * 2,
    r"Try solver='auto', or features of similar size": (TRY,) * 2,
    r"Try another solver.*verbose=True for more information": (TRY,) * 2,
}


def as_options(text: str, command: str) -> str:
    """A sentence of the library's in the words of ``ibias COMMAND``."""
    for pattern, words in OPTIONS.items():
        word = words[command == "sweep"]
        if word is None:  # nothing a grid file can ask for: the sentence goes
            text = re.sub(rf"{pattern}[^.]*\.", "", text)
        else:
            text = re.sub(pattern, word, text)
    return text

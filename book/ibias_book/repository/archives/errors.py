"""What is raised when an archive is not there, or is not the one that was pinned."""


class Unavailable(RuntimeError):
    """The sentence says what is missing or wrong, and what to call."""

"""The book about three papers: what turns notebooks into pages, and the programs of its
chapters."""

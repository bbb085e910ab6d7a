"""The first paper (arXiv:2602.11557): its constants, statements and the studies of its chapters."""

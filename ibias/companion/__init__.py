"""What turns notebooks into the book: claims, provenance, the notebook runner and the command line.

Nothing in `ibias` outside this package may import it.
"""

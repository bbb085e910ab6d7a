"""The experiments of arXiv:2605.22644 at their own settings, beside what was published.

``mlp386``: the vision network and its data.  ``path``: the finite-time formula along the path of
the mean.  One file an experiment of the public code; ``table``: published and ours, row by row.
"""

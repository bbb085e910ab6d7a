"""The experiments of Section 5 of arXiv:2602.16340, on MNIST and beside it on scikit-learn's
digits."""

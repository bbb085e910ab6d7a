"""Experiments of the chapter: each function runs one and returns labelled data, for a test to gate
and a notebook to draw."""

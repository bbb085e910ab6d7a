"""Figures: functions that read labelled data and draw it in one style; a file for each part of the
book."""

"""The compiled CPU engine."""

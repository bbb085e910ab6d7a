"""The numbers behind the interactive pages (explorer, opening picture), packed for a page without a
server."""

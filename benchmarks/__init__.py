"""Speed against peers and limits: ``python -m benchmarks`` writes ``benchmarks/results.json``,
which the book shows."""

"""What a referee of the first paper would ask next: one module a question, each with its theory and
its experiment."""

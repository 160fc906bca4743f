"""How a computed tracking differs from a reference: matching, operations, measures."""

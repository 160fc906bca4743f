"""Scores: a computed tracking compared with a reference tracking of the same movie."""

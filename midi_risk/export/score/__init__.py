"""Scores of a de-identification process: identifiers planted in copies, and what became of them."""

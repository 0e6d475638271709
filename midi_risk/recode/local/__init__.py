"""Local recoding: bands that differ between subjects, by a partition of all attributes at once."""

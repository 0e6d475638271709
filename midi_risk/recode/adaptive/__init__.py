"""Levels that follow the data: options per fact, the search over them, moves of their cuts."""

"""Attributes."""

"""The command line."""

from __future__ import annotations

from midi_risk.cli.app import main

__all__ = ["main"]

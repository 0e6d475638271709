"""midi-risk: re-identification risk of medical image collections before release."""

from __future__ import annotations

__version__ = "0.1.0"

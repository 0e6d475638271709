"""pycanon's functions by their names, on the risk core of midi-risk.

``from midi_risk.compat import pycanon`` in place of ``import pycanon``: signatures and results are
the same, save where pycanon 1.3.6 is wrong. ``docs/compat.md`` lists every difference with its
reason; `midi_risk.compat.pycanon.divergences` holds the same list.
"""

from midi_risk.compat.pycanon import anonymity, metrics, report

__all__ = ["anonymity", "metrics", "report"]

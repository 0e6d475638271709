"""Tune: the page on which a release is weighed, level by level, static or served."""

from midi_risk.tune.lattice import MAX_NODES, tuning_lattice
from midi_risk.tune.page import static_page
from midi_risk.tune.session import plan_at

__all__ = ["MAX_NODES", "plan_at", "static_page", "tuning_lattice"]

"""The generalisation lattice: levels, codes of hierarchies, class tables rolled up node by node."""

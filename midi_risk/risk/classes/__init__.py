"""Equivalence classes: coded columns, packed keys, class tables, wildcards, matching sets."""

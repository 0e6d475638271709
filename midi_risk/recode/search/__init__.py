"""The search for the best node: problem, judge of one node, exact and budgeted search, sweep."""

"""Attacks carried out on the data: exact attribution, linkage, a simulated intruder."""

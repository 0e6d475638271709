"""Recode."""

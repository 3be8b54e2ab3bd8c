"""Scans in their fastest correct form: what needs no loop leaves it."""

"""Leg two, what does it mean: one mail from the spool to its case."""

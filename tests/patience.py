"""How long tests wait for what is sure to come: so long that only a hang fails, on any machine however busy."""

PATIENCE = 120.0
"""Seconds; less than what pytest gives a whole test."""

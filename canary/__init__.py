"""Canary: every vendor gets its own address; when anyone else writes there, Canary says who leaked it."""

__version__ = "0.1.0"

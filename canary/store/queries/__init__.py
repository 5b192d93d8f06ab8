"""Queries and plain writes, one module for each noun; nothing is decided here."""

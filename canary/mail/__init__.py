"""Bytes to facts: what a mail says, without believing any of it."""

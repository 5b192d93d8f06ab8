"""Octets to facts: what a mail says, without trusting any of it."""

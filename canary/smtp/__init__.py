"""Leg one, mail comes in: admission, the listener, the spool."""

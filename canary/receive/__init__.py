"""Leg one, mail comes in: admission, the listener, the spool."""

from canary.receive.compiled import is_outdated, prefer_sources

if is_outdated():
    prefer_sources()

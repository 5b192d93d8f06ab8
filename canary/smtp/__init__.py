"""Leg one, mail comes in: admission, the listener, the spool."""

from canary.smtp.compiled import is_outdated, prefer_sources

if is_outdated():
    prefer_sources()

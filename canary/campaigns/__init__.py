"""Mails that are one sending find each other here."""

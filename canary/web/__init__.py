"""Leg four, people look: pages and JSON over the store."""

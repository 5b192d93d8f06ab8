"""Leg three, word goes out: compose, channels, delivery."""

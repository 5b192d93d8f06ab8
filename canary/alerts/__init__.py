"""The third leg, sending alerts: their words, the channels, delivery."""

"""The fourth leg, the dashboard: pages and JSON over the store."""

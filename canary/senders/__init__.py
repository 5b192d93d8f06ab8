"""Who writes for a vendor: counted, learned, asked about."""

"""The second leg: one mail from the spool to its case."""

"""DKIM (RFC 6376) and the parts it shares with ARC."""

"""The log that cannot be rewritten, evidence packs, and how they are verified; what needs no store is pure."""

"""Stored mail comes in: archives and mailboxes are read, and canaries are made of the addresses in them."""

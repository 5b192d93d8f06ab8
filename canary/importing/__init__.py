"""Importing stored mail: archives and mailboxes are read, and the addresses in them become canaries."""

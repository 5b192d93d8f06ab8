"""Addresses: issued, rotated, burned, adopted, and the decoys among them."""

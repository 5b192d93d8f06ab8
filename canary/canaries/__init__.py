"""Addresses: issued, rotated, burned, adopted, the decoys among them, and the copy of all that each receiving process holds."""

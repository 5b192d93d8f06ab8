"""A written world in the shape of Play.com 2011, replayed through the real parts."""

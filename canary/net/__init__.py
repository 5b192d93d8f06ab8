"""The two clients that speak to the world: DNS and HTTP."""

"""How a log is called: by its key, so that its name tells nothing of its owner."""

import hashlib


def origin_of(public: bytes) -> str:
    """Return the name of the log of a public key."""
    return f"canary-log/{hashlib.sha256(public).hexdigest()[:32]}"

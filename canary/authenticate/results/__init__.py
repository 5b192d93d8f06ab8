"""Authentication-Results that a trusted receiver wrote (RFC 8601)."""

"""What a trusted receiver, and a forwarder that it saw, vouch for: who handed a mail over, for whom, and who wrote it."""

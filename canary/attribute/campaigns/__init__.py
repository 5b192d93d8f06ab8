"""Which mails are one sending: features, likeness, links."""

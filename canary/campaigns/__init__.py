"""Which mails are one sending."""

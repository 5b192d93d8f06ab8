"""Further ways in: where mail is delivered to somebody else first, or by other means than SMTP."""

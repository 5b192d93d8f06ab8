"""Every decision on a case, each in one place: which case takes a hit, what is worth an alert, and what people decide."""

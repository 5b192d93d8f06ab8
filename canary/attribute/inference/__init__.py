"""Who leaked: evidence, likelihood, posterior, and what follows from them."""

"""What we remember: the only SQL in the project, one module per noun."""

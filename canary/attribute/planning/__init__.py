"""Which addresses to add so that sources can be told apart."""

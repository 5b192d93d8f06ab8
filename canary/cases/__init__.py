"""The decisions on cases, each made once: which case takes a hit, what is told of it, and what people decide."""

"""How right attribution is: simulated worlds, simpler methods, scores."""

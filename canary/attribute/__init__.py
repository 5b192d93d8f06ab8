"""Who leaked? Campaigns, and suspects with probabilities."""

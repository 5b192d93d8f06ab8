"""What does a hit mean? Who is this really, and which verdict follows, with reasons."""

"""What a hit means: who really sent it, and which verdict follows, with reasons."""

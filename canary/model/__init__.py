"""The words everything else uses: frozen facts, and nothing that does anything."""

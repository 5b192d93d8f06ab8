"""The words that everything else uses: frozen facts without behaviour."""

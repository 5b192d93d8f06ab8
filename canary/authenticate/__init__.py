"""Did the claimed sender send it? SPF, DKIM, DMARC and ARC as functions over a `Lookup`."""

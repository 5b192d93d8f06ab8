"""The durable queue between the listener and the pipeline: 250 is answered only after its commit."""

"""The durable queue between what takes mail in and the pipeline: 250 is said only after its commit."""

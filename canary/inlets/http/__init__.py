"""Mail by HTTP: what services and scripts post to `/ingest/...`, a module for each of them."""

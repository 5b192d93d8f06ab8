"""What pages and the API read: frozen read models over a session, which change nothing."""

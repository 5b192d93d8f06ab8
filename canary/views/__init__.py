"""What pages and programs read: frozen read models over a session, which change nothing."""

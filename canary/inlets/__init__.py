"""Ways in besides SMTP: each delivers octets, envelope and client as far as they are known, and how far to trust them."""

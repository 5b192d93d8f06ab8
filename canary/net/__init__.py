"""The clients that ask the network: DNS, HTTP and rspamd."""

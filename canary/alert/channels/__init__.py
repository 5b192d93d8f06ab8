"""One file per kind of destination; `CHANNELS` in `canary.alert.deliver` is the table of them."""

"""The first leg, receiving mail: admission, the listener, the spool."""

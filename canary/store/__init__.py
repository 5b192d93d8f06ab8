"""The store: tables, queries, locks and the JSON in rows; it decides nothing."""

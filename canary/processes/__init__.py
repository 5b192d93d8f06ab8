"""The composition root: what builds the parts, keeps the roles running, and the table of periodic jobs."""

"""What alias services and password managers export, and lists of the owner's own: one reader for each form of file."""

"""rtfs: RTFS 2.0 for Python."""

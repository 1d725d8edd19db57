"""`rtfs repl`: a session that a person types into (experience.md §3)."""

"""The command line: one file per command, and being in this folder with a `command` is the registration."""

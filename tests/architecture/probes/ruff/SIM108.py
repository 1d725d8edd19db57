import sys

if sys.argv:
    name = "a"
else:
    name = "b"

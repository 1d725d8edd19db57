"""Ground floor: the values, errors and outcomes that every room speaks."""

from rtfs.lang import equality as equality  # gives collections their equality and hashing

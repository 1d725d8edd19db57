"""Ground floor: the values, errors and outcomes that every room speaks."""

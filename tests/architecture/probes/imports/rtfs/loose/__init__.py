"""A room that no contract places."""

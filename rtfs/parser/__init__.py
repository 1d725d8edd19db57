"""Text → forms."""

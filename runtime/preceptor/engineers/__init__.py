"""Who decides which data to make."""

"""What a sample must pass before it may teach. Pure."""

"""What the student is examined on: items, prompts, splits, scorers. Pure."""

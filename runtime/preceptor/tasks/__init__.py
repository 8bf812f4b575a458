"""What the student is examined on: items, prompts, splits, scorers and grades. Pure: nothing is read or written."""

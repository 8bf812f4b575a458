"""Runs side by side: who made data how well, over tasks and seeds."""

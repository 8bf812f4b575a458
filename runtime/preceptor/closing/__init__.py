"""Comparisons that say what a gain is worth: controls, other tasks, what each skill contributes."""

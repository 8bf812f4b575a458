"""How the student learns: one visible DeepSpeed loop."""

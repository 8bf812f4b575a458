"""How the student answers."""

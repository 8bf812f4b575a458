"""How scores are compared. Pure."""

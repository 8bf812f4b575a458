"""Who writes training rows."""

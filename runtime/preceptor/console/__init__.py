"""What people see in a terminal: progress of a run, tables, errors."""

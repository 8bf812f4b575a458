"""The student: where its model comes from and how it is loaded."""

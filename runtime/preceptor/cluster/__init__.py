"""Ray: thin actors around the plain classes. The only package that imports ray."""

"""From a recipe to accepted rows, in deterministic work units."""

"""What an engineer plans: digests, differences and the samples a recipe leads to. Pure."""

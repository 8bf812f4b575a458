"""Language models behind OpenAI-compatible endpoints: asked with manners, metered, and every answer kept."""

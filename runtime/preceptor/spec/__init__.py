"""The document a user writes, as frozen types. Needs pydantic and PyYAML only."""

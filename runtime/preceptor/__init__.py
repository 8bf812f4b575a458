"""Preceptor: turn a general model into a specialist with data that an engineer plans, makes and refines."""

__version__ = "0.1.0"

"""Geometry of the page's charts. Templates draw; this only turns figures into places.

Places are per cent of a drawing's width, so that a drawing fits every screen and its text keeps its size.
"""

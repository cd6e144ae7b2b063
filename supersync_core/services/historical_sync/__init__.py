"""Imports of call histories: who may ask, what is asked for, the run that does it, and how it is gone on with."""

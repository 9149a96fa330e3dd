"""The shared base of Musterwerk: predict, decide, replay, value. It knows no use case."""

__version__ = "0.1.0"

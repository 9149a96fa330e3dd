"""What a file says, before anybody trusts it: how it is written, which column is which, what is wrong, and settings that read it."""

from pipelines.understand.findings import Finding
from pipelines.understand.understand import Understanding, understand

__all__ = ["Finding", "Understanding", "understand"]

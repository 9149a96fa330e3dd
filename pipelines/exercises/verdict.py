"""What comes out of a check."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Verdict:
    """What came out: passed, or the hint (a text key of the area `exercises`) with what fills it."""

    passed: bool
    function: str = ""
    hint: str = ""
    values: Mapping[str, str] = field(default_factory=dict)


PASSED = Verdict(passed=True)

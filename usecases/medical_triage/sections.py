"""stub"""
from typing import Any
def sections(result: Any, lang: Any) -> list[Any]:
    return []

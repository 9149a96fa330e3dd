"""`musterwerk new`: a folder for one's own data that runs at once."""

from pipelines.scaffold.folder import new_folder

__all__ = ["new_folder"]

"""`musterwerk new`: a folder for one's own data that runs at once."""

from pipelines.scaffold.folder import SCRATCH, Made, NewFolder, new_folder

__all__ = ["SCRATCH", "Made", "NewFolder", "new_folder"]

"""Tomorrow's bikes in the right place. In the making, not among the built-in use cases yet: see README.md; the record is in usecase.py."""

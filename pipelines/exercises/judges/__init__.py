"""What is right and what typical mistakes compute, one module per exercise, each with `judge`."""

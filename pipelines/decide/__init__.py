"""Decision rules: one file per rule, each citing its source."""

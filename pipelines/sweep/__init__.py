"""Sweeps: many settings of a use case judged by their decisions on the select period, on a laptop or on Slurm, with nothing lost.

One folder per sweep, one Optuna journal in it, independent worker processes, leases by which dead ones are noticed. Optuna is imported
here and nowhere else. Reading order: spec, space, shared, objective, study, worker, local | slurm, final.
"""

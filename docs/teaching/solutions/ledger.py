"""Exercise 1. Costs: lower is better, so the saving is business as usual minus plan, and it is a sum over the period."""

import polars as pl


def saved_eur(ledger):
    totals = dict(ledger.group_by("policy").agg(pl.col("eur").sum()).iter_rows())
    return totals["usual"] - totals["plan"]


def worst_branch(ledger):
    wide = ledger.pivot(on="policy", index="branch", values="eur", aggregate_function="sum")
    return wide.sort(pl.col("usual") - pl.col("plan"))["branch"][0]

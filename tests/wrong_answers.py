"""Typical wrong answers, as learners write them: exercise -> hint it must get -> the function."""

LEDGER = {
    "ledger_sign": """
def saved_eur(ledger):
    cost = {policy: ledger.filter(policy=policy)["eur"].sum() for policy in ("usual", "plan")}
    return cost["plan"] - cost["usual"]
""",
    "ledger_perfect": """
def saved_eur(ledger):
    return ledger.filter(policy="usual")["eur"].sum() - ledger.filter(policy="perfect")["eur"].sum()
""",
    "ledger_mean": """
def saved_eur(ledger):
    means = dict(ledger.group_by("policy").agg(pl.col("eur").mean()).iter_rows())
    return means["usual"] - means["plan"]
""",
    "ledger_plan_only": """
def saved_eur(ledger):
    return -ledger.filter(pl.col("policy") == "plan")["eur"].sum()
""",
    "ledger_best": """
def worst_branch(ledger):
    wide = ledger.pivot(on="policy", index="branch", values="eur", aggregate_function="sum")
    return wide.sort(pl.col("plan") - pl.col("usual"))["branch"][0]
""",
    "ledger_dearest": """
def worst_branch(ledger):
    return ledger.filter(policy="plan").group_by("branch").agg(pl.col("eur").sum()).sort("eur")["branch"][-1]
""",
    "ledger_cheapest": """
def worst_branch(ledger):
    return ledger.filter(policy="plan").group_by("branch").agg(pl.col("eur").sum()).sort("eur")["branch"][0]
""",
}
RANDOM_SPLIT = {
    "random_split_mape": """
def wape(truth, forecast):
    keep = truth != 0
    return np.mean(np.abs((truth[keep] - forecast[keep]) / truth[keep]))
""",
    "random_split_signed": """
def wape(truth, forecast):
    return abs(1) * (truth - forecast).sum() / truth.sum()
""",
    "random_split_pieces": """
def wape(truth, forecast):
    return np.mean(np.abs(truth - forecast))
""",
    "random_split_by_forecast": """
def wape(truth, forecast):
    return np.abs(truth - forecast).sum() / forecast.sum()
""",
    "random_split_swapped": """
def time_split(rows, days):
    last = rows["day"].max()
    late = (last - pl.col("day")).dt.total_days() < days
    return rows.filter(late), rows.filter(~late)
""",
    "random_split_rows": """
def time_split(rows, days):
    ordered = rows.sort("day", "branch", "product")
    return ordered[:-days], ordered[-days:]
""",
    "random_split_off_by_one": """
def time_split(rows, days):
    late = (rows["day"].max() - pl.col("day")).dt.total_days() <= days
    return rows.filter(~late), rows.filter(late)
""",
    "random_split_mixed": """
def time_split(rows, days):
    mixed = rows.sample(fraction=1.0, shuffle=True, seed=1)
    return mixed[: int(0.8 * len(mixed))], mixed[int(0.8 * len(mixed)) :]
""",
    "random_split_lost": """
def time_split(rows, days):
    from datetime import timedelta
    start = rows["day"].max() - timedelta(days=days - 1)
    return rows.filter(pl.col("day") < start), rows.filter(pl.col("day") > start)
""",
}
NEWSVENDOR = {
    "newsvendor_swapped": """
def critical_ratio(price, unit_cost, salvage, goodwill):
    under, over = price - unit_cost + goodwill, unit_cost - salvage
    return over / (under + over)
""",
    "newsvendor_goodwill": """
def critical_ratio(price, unit_cost, salvage, goodwill):
    return (price - unit_cost) / (price - salvage)
""",
    "newsvendor_salvage": """
def critical_ratio(price, unit_cost, salvage, goodwill):
    return (price - unit_cost + goodwill) / (price + goodwill)
""",
    "newsvendor_margin": """
def critical_ratio(price, unit_cost, salvage, goodwill):
    return 1 - unit_cost / price
""",
    "newsvendor_price": """
def critical_ratio(price, unit_cost, salvage, goodwill):
    under = price + goodwill
    return under / (under + unit_cost - salvage)
""",
    "newsvendor_fraction": """
def critical_ratio(price, unit_cost, salvage, goodwill):
    return (price - unit_cost + goodwill) / (unit_cost - salvage)
""",
    "newsvendor_mean": """
def best_order(demands, underage, overage):
    return demands.mean()
""",
    "newsvendor_median": """
def best_order(demands, underage, overage):
    return np.median(demands)
""",
    "newsvendor_other_side": """
def best_order(demands, underage, overage):
    return np.quantile(demands, overage / (underage + overage))
""",
    "newsvendor_between": """
def best_order(demands, underage, overage):
    return np.quantile(demands, underage / (underage + overage))
""",
    "newsvendor_largest": """
def best_order(demands, underage, overage):
    return max(demands)
""",
}
CENSORED = {
    "censored_naive": """
def share_above(sold, sold_out, pieces):
    return (sold > pieces).mean()
""",
    "censored_dropped": """
def share_above(sold, sold_out, pieces):
    seen = sold[sold_out == False]
    return (seen > pieces).mean()
""",
    "censored_always": """
def share_above(sold, sold_out, pieces):
    return np.where(sold_out, True, sold > pieces).mean()
""",
    "censored_ties": """
def share_above(sold, sold_out, pieces):
    share = 1.0
    for n in np.unique(sold[~sold_out]):
        if n <= pieces:
            risk = np.sum(sold > n) + np.sum((sold == n) & ~sold_out)
            share *= 1 - np.sum((sold == n) & ~sold_out) / risk
    return share
""",
    "censored_at_least": """
def share_above(sold, sold_out, pieces):
    share = 1.0
    for n in np.unique(sold[~sold_out]):
        if n < pieces:
            share *= 1 - np.sum((sold == n) & ~sold_out) / np.sum(sold >= n)
    return share
""",
}
CALIBRATION = {
    "calibration_strict": """
def coverage(truth, quantile):
    open_days = ~np.isnan(truth)
    return np.mean(truth[open_days] < quantile[open_days])
""",
    "calibration_flipped": """
def coverage(truth, quantile):
    open_days = ~np.isnan(truth)
    return 1 - np.mean(truth[open_days] <= quantile[open_days])
""",
    "calibration_closed": """
def coverage(truth, quantile):
    return np.mean(truth <= quantile)
""",
    "calibration_served": """
def coverage(truth, quantile):
    return np.nansum(np.fmin(truth, quantile)[~np.isnan(truth)]) / np.nansum(truth)
""",
    "calibration_band_upper": """
def band_coverage(truth, low, high):
    return coverage(truth, high)
""",
    "calibration_band_strict": """
def band_coverage(truth, low, high):
    keep = ~np.isnan(truth)
    return np.mean((low < truth)[keep] & (truth < high)[keep])
""",
    "calibration_band_closed": """
def band_coverage(truth, low, high):
    return np.mean((low <= truth) & (truth <= high))
""",
    "calibration_band_difference": """
def band_coverage(truth, low, high):
    return coverage(truth, high) - coverage(truth, low)
""",
}

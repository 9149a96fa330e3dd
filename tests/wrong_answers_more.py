"""Typical wrong answers of the later exercises, as learners write them: exercise -> hint it must get -> the function."""

CONFORMAL = {
    "conformal_plain": """
def recalibrated(truth, forecast, later, level):
    return later * np.quantile(truth / forecast, level)
""",
    "conformal_no_plus_one": """
def recalibrated(truth, forecast, later, level):
    k = int(np.ceil(len(truth) * level))
    return later * np.sort(truth / forecast)[k - 1]
""",
    "conformal_off_by_one": """
def recalibrated(truth, forecast, later, level):
    k = int(np.ceil((len(truth) + 1) * level))
    return later * np.sort(truth / forecast)[k]
""",
    "conformal_mean": """
def recalibrated(truth, forecast, later, level):
    return later * (truth / forecast).mean()
""",
    "conformal_inverse": """
def recalibrated(truth, forecast, later, level):
    k = int(np.ceil((len(truth) + 1) * level))
    return later * np.sort(forecast / truth)[k - 1]
""",
    "conformal_added": """
def recalibrated(truth, forecast, later, level):
    k = int(np.ceil((len(truth) + 1) * level))
    return later + np.sort(truth - forecast)[k - 1]
""",
    "conformal_factor": """
def recalibrated(truth, forecast, later, level):
    k = int(np.ceil((len(truth) + 1) * level))
    return np.sort(truth / forecast)[k - 1]
""",
}
CAPTURED_SHARE = {
    "captured_share_of_usual": """
def captured_share(usual, plan, perfect):
    return (sum(usual) - sum(plan)) / sum(usual)
""",
    "captured_share_weeks": """
def captured_share(usual, plan, perfect):
    return ((usual - plan) / (usual - perfect)).mean()
""",
    "captured_share_left": """
def captured_share(usual, plan, perfect):
    return (plan - perfect).sum() / (usual - perfect).sum()
""",
    "captured_share_sign": """
def captured_share(usual, plan, perfect):
    return (plan - usual).sum() / (usual - perfect).sum()
""",
    "captured_share_90": """
def interval(usual, plan, perfect, draws):
    shares = (usual - plan)[draws].sum(axis=1) / (usual - perfect)[draws].sum(axis=1)
    return np.quantile(shares, 0.05), np.quantile(shares, 0.95)
""",
    "captured_share_fixed": """
def interval(usual, plan, perfect, draws):
    shares = (usual - plan)[draws].sum(axis=1) / (usual - perfect).sum()
    return np.quantile(shares, [0.025, 0.975])
""",
    "captured_share_mean": """
def interval(usual, plan, perfect, draws):
    shares = ((usual - plan)[draws] / (usual - perfect)[draws]).mean(axis=1)
    return np.quantile(shares, [0.025, 0.975])
""",
    "captured_share_single": """
def interval(usual, plan, perfect, draws):
    return np.quantile((usual - plan) / (usual - perfect), [0.025, 0.975])
""",
    "captured_share_normal": """
def interval(usual, plan, perfect, draws):
    shares = (usual - plan)[draws].sum(axis=1) / (usual - perfect)[draws].sum(axis=1)
    middle = captured_share(usual, plan, perfect)
    return middle - 1.96 * shares.std(), middle + 1.96 * shares.std()
""",
}
LAG = {
    "lag_today": """
def recent(rows, lead):
    return rows.with_columns(recent=pl.col("demand").rolling_mean(7, min_samples=1).over("branch", "product", order_by="day"))
""",
    "lag_lead": """
def recent(rows, lead):
    mean = pl.col("demand").shift(1).rolling_mean(7, min_samples=1)
    return rows.with_columns(recent=mean.over("branch", "product", order_by="day"))
""",
    "lag_future": """
def recent(rows, lead):
    mean = pl.col("demand").rolling_mean(7, min_samples=1).shift(-lead)
    return rows.with_columns(recent=mean.over("branch", "product", order_by="day"))
""",
    "lag_order": """
def recent(rows, lead):
    return rows.with_columns(recent=pl.col("demand").rolling_mean(7, min_samples=1).shift(lead).over("branch", "product"))
""",
    "lag_mixed": """
def recent(rows, lead):
    return rows.sort("day").with_columns(recent=pl.col("demand").rolling_mean(7, min_samples=1).shift(lead))
""",
    "lag_closed": """
def recent(rows, lead):
    filled = rows.with_columns(pl.col("demand").fill_null(0))
    mean = pl.col("demand").rolling_mean(7, min_samples=1).shift(lead)
    return filled.with_columns(recent=mean.over("branch", "product", order_by="day"))
""",
    "lag_whole": """
def recent(rows, lead):
    return rows.with_columns(recent=pl.col("demand").mean().over("branch", "product"))
""",
    "lag_rows": """
def recent(rows, lead):
    mean = pl.col("demand").rolling_mean(7, min_samples=1).shift(lead)
    return rows.with_columns(recent=mean.over("branch", "product", order_by="day")).drop_nulls("recent")
""",
    "lag_leak": """
def recent(rows, lead):
    mean = pl.col("demand").rolling_mean(7, min_samples=1, center=True).shift(lead)
    return rows.with_columns(recent=mean.over("branch", "product", order_by="day"))
""",
}
CAPACITY = {
    "capacity_ignored": """
def share_oven(gains, trays):
    return [len([gain for gain in row if gain > 0]) for row in gains]
""",
    "capacity_first": """
def share_oven(gains, trays):
    taken = []
    for row in gains:
        taken.append(min(trays - sum(taken), len([gain for gain in row if gain > 0])))
    return taken
""",
    "capacity_even": """
def share_oven(gains, trays):
    return [min(trays // len(gains), len([gain for gain in row if gain > 0])) for row in gains]
""",
    "capacity_full": """
def share_oven(gains, trays):
    best = sorted(((gain, product) for product, row in enumerate(gains) for gain in row), reverse=True)[:trays]
    return [sum(product == number for _, product in best) for number in range(len(gains))]
""",
    "capacity_total": """
def share_oven(gains, trays):
    taken = [0] * len(gains)
    for product in sorted(range(len(gains)), key=lambda product: -sum(gains[product])):
        taken[product] = min(trays - sum(taken), len([gain for gain in gains[product] if gain > 0]))
    return taken
""",
}
BASELINE = {
    "baseline_peek": """
def order(rows):
    return rows.with_columns(order=pl.col("demand"))
""",
    "baseline_same": """
def order(rows):
    return rows.with_columns(order=pl.col("week1"))
""",
    "baseline_empty": """
def order(rows):
    return rows.with_columns(order=pl.col("week1") + pl.col("week8").shift(1))
""",
    "baseline_future": """
def order(rows):
    known = pl.col("week1").shift(-6).over("branch", "product", order_by="day")
    return rows.with_columns(order=pl.coalesce(known, pl.col("week1")))
""",
    "baseline_low": """
def order(rows):
    return rows.with_columns(order=pl.mean_horizontal("week1", "week2", "week3", "week4"))
""",
    "baseline_high": """
def order(rows):
    return rows.with_columns(order=1.1 * pl.max_horizontal("week1", "week2", "week3", "week4"))
""",
    "baseline_scatter": """
def order(rows):
    return rows.with_columns(order=(1.2 * pl.col("week1")).ceil())
""",
}
USE_CASE = {
    "use_case_future": """
def features(rows, s):
    weeks = {f"lag{n}": pl.col("asked").shift(-7 * n).over("stand", "product", order_by="day") for n in (1, 2, 3)}
    return rows.with_columns(weekday=pl.col("day").dt.weekday(), **weeks)
""",
    "use_case_rows": """
def features(rows, s):
    weeks = {f"lag{n}": pl.col("asked").shift(7 * n).over("stand", "product", order_by="day") for n in (1, 2, 3)}
    return rows.with_columns(weekday=pl.col("day").dt.weekday(), **weeks).drop_nulls()
""",
    "use_case_peek": """
def decide(rows, s):
    return rows.with_columns(make=pl.col("asked"))
""",
    "use_case_usual": """
def usual(rows, s):
    return rows.with_columns(make=pl.when(pl.col("weekday") > 1).then("lag1"))
""",
    "use_case_sign": """
def value(rows, s):
    return rows.select(eur=pl.min_horizontal("make", "asked") * s.price_eur - pl.col("make") * s.make_eur)
""",
    "use_case_sold": """
def value(rows, s):
    return rows.select(eur=pl.col("make") * s.make_eur - pl.col("asked") * s.price_eur)
""",
    "use_case_all_sold": """
def value(rows, s):
    return rows.select(eur=pl.col("make") * (s.make_eur - s.price_eur))
""",
    "use_case_cost_of_sold": """
def value(rows, s):
    return rows.select(eur=pl.min_horizontal("make", "asked") * (s.make_eur - s.price_eur))
""",
}

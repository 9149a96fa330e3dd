"""A simulated bakery chain: what its till and its files would show, and beside it the true demand nobody sees.

`simulate(WorldSettings(seed=1))` gives the same world every time; no download, well under a second at the default size.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from usecases.food_waste.world import Demand, Floats, Ints, WorldSettings, demand, rng

__all__ = ["World", "WorldSettings", "best_stock", "critical_ratio", "simulate", "till_export"]

KEYS = ("day", "branch", "product")
# share of a day's customers who came by then; hours of local time from opening to closing
HOURS, CAME = (7.0, 8.5, 10.0, 12.0, 14.0, 16.0, 18.5), (0.0, 0.22, 0.46, 0.64, 0.77, 0.90, 1.0)
WEEKS_REMEMBERED, SOLD_OUT_ADDED, PROMOTION_GUESS, EVE_GUESS, HIGHEST_LEVEL = 4, 1.12, 1.25, 1.15, 0.9999
HABIT, RESERVE, FIRST_GUESS = (0.98, 1.08), 0.9, 0.25
TILL_HEADERS = ("Datum", "Filiale", "Artikel", "Menge", "Retoure", "Bestellt", "Umsatz EUR", "Ausverkauft", "Letzter Verkauf", "Aktion")


@dataclass(frozen=True)
class World:
    """A chain's files and the truth behind them.

    Parameters
    ----------
    tables
        `sales`: day, branch, product, sold, returned, sold_out, last_sale (hours), ordered, preordered, promotion; rows exist for open days
        only. `products`: price_eur, unit_cost_eur, salvage_eur, goodwill_eur, disposal_eur (EUR per piece), weight_kg, tray, group.
        `weather`: temperature_c, rain_mm as forecast the evening before. `openings`: day, branch, open. Without censoring, sales have no
        returned, sold_out and last_sale: nothing was ever missing.
    truth
        One row per row of `sales`, in the same order: day, branch, product, latent_demand, expected (its mean given what is known the
        evening before), preordered, walk_in_mean, size: demand is preordered + a negative binomial of that mean and size (pieces).
    observed_weather
        True temperature_c and rain_mm of each day, known too late to plan with.
    """

    settings: WorldSettings
    tables: dict[str, pl.DataFrame]
    truth: pl.DataFrame
    observed_weather: pl.DataFrame

    def true_quantile(self, level: float) -> pl.Series:
        """Return each truth row's smallest number of pieces that suffices with probability `level` (0 < level < 1)."""
        return self._stock(np.full(self.truth.height, level), np.ones(self.truth.height, dtype=np.int64)).rename("quantile")

    def best_orders(self) -> pl.Series:
        """Return the order of least expected cost for each truth row: true distribution, the product's costs, whole trays."""
        product = self.truth.select("product").join(self.tables["products"], on="product", how="left", maintain_order="left")
        return self._stock(product.select(critical_ratio()).to_series().to_numpy(), product["tray"].to_numpy()).rename("ordered")

    def served(self, stock: pl.Series) -> pl.DataFrame:
        """Return the truth with sold, returned, sold_out and last_sale, had each row had this stock (pieces)."""
        columns = _shelf(self.truth["latent_demand"].to_numpy(), stock.to_numpy().astype(np.int64), rng(self.settings, "clock"))
        return self.truth.with_columns(ordered=stock, **columns)

    def _stock(self, level: Floats, tray: Ints) -> pl.Series:
        mean, preordered = self.truth["walk_in_mean"].to_numpy(), self.truth["preordered"].to_numpy()
        return pl.Series(best_stock(mean, preordered, self.settings.size, level, tray))


def critical_ratio() -> pl.Expr:
    """Service level of least expected cost, from the columns of `products`: what a missing piece costs, over missing plus left over."""
    missing = pl.col("price_eur") - pl.col("unit_cost_eur") + pl.col("goodwill_eur")
    left_over = pl.col("unit_cost_eur") - pl.col("salvage_eur") + pl.col("disposal_eur")
    return (missing / (missing + left_over)).alias("critical_ratio")


def simulate(settings: WorldSettings) -> World:
    """Return the world of these settings; equal settings give equal worlds."""
    asked = demand(settings)
    listed = np.flatnonzero(asked.listed)
    keys = _keys(asked, listed)
    latent, preordered, mean = (values.reshape(-1)[listed] for values in (asked.latent, asked.preordered, asked.mean))
    truth = keys.with_columns(
        latent_demand=pl.Series(latent), expected=pl.Series(preordered + mean), preordered=pl.Series(preordered),
        walk_in_mean=pl.Series(mean), size=settings.size,
    )  # fmt: skip
    products, weather = _products(settings, asked), asked.weather
    openings = pl.DataFrame({"day": asked.days}).join(pl.DataFrame({"branch": asked.branches}), how="cross", maintain_order="left_right")
    tables = {
        "sales": keys,
        "products": products,
        "weather": weather.select("day", "temperature_c", "rain_mm"),
        "openings": openings.with_columns(open=pl.Series(asked.open.reshape(-1))),
    }
    world = World(settings, tables, truth, weather.select("day", temperature_c="true_temperature_c", rain_mm="true_rain_mm"))
    tray = products["tray"].to_numpy()
    ordered = world.best_orders() if settings.planner == "optimal" else pl.Series(_orders(settings, asked, tray).reshape(-1)[listed])
    promotion = np.broadcast_to(asked.promotion[:, None, :], asked.listed.shape).reshape(-1)[listed]
    sales = world.served(ordered) if settings.censoring else truth.with_columns(ordered=ordered, sold="latent_demand")
    columns = ["sold", "returned", "sold_out", "last_sale"] if settings.censoring else ["sold"]
    tables["sales"] = sales.select(*KEYS, *columns, "ordered", "preordered", promotion=pl.Series(promotion))
    return world


def till_export(world: World) -> str:
    """Return the sales of a world with censoring as a German till writes them: semicolons, decimal commas, 03.01.2022, ja/nein."""
    priced = world.tables["sales"].join(world.tables["products"], on="product", maintain_order="left")
    flags = {"sold_out": "Ausverkauft", "promotion": "Aktion"}
    shown = priced.select(
        pl.col("day").dt.strftime("%d.%m.%Y").alias("Datum"),
        pl.col("branch").alias("Filiale"),
        pl.col("product").alias("Artikel"),
        pl.col("sold").alias("Menge"),
        pl.col("returned").alias("Retoure"),
        pl.col("ordered").alias("Bestellt"),
        (pl.col("sold") * pl.col("price_eur")).alias("Umsatz EUR"),
        pl.col("last_sale").alias("Letzter Verkauf"),
        *(pl.when(name).then(pl.lit("ja")).otherwise(pl.lit("nein")).alias(header) for name, header in flags.items()),
    )
    return shown.select(TILL_HEADERS).write_csv(separator=";", decimal_comma=True, float_precision=2)


def best_stock(mean: Floats, preordered: Ints, size: float, level: Floats, tray: Ints) -> Ints:
    """Return the stock of least expected newsvendor cost when demand is pre-orders plus a negative binomial.

    One more tray pays as long as the mean of P(demand <= k) over its pieces is below the critical ratio `level` (expected cost is convex
    in the stock); with trays of one piece this is the smallest k with P(demand <= k) >= level, the quantile. Pre-orders are always covered.
    Raise ValueError for a level outside 0 < level <= 0.9999, or a mean so large and a noise so small that no chance can be computed.
    """
    if level.size and not (level.min() > 0 and level.max() <= HIGHEST_LEVEL):
        raise ValueError(f"service levels must lie above 0 and not above {HIGHEST_LEVEL}")
    stock = np.zeros(mean.size, dtype=np.int64)
    left, walk_in = np.arange(mean.size), 0
    miss = mean / (mean + size)
    chance = (1 - miss) ** size  # of exactly `walk_in` pieces
    if mean.size and not chance.min() > 0:
        raise ValueError(f"demand of {mean.max():.0f} pieces needs more noise than {size**-0.5:.3f}")
    below, in_tray = np.zeros(mean.size), np.zeros(mean.size)
    while left.size:
        below += chance
        in_tray += below
        full = (preordered[left] + walk_in + 1) % tray[left] == 0
        done = full & (in_tray >= level[left] * tray[left])
        in_tray[full] = 0
        chance = chance * miss * (walk_in + size) / (walk_in + 1)
        if done.any():
            stock[left[done]] = preordered[left[done]] + walk_in + 1 - tray[left[done]]
            left, miss, chance, below, in_tray = (values[~done] for values in (left, miss, chance, below, in_tray))
        walk_in += 1
    return np.maximum(stock, _whole(preordered, tray))


def _whole(pieces: Floats | Ints, tray: Ints) -> Ints:
    return (np.ceil(pieces / tray) * tray).astype(np.int64)


def _keys(asked: Demand, listed: Ints) -> pl.DataFrame:
    day, branch, product = np.unravel_index(listed, asked.listed.shape)
    names: Sequence[tuple[str, Sequence[object], Ints]] = (
        ("day", asked.days, day),
        ("branch", asked.branches, branch),
        ("product", [article.name for article in asked.articles], product),
    )
    return pl.DataFrame({name: pl.Series(values)[index] for name, values, index in names})


def _products(settings: WorldSettings, asked: Demand) -> pl.DataFrame:
    fields = ("price_eur", "unit_cost_eur", "salvage_eur", "weight_kg", "tray", "group")
    values = {name: [getattr(article, name) for article in asked.articles] for name in fields}
    table = pl.DataFrame({"product": [article.name for article in asked.articles], **values})
    price = pl.col("price_eur")
    table = table.with_columns(goodwill_eur=price * settings.goodwill_share, disposal_eur=pl.lit(settings.disposal_eur))
    if settings.critical_ratio is not None:
        nothing = {name: pl.lit(0.0) for name in ("salvage_eur", "goodwill_eur", "disposal_eur")}
        table = table.with_columns(unit_cost_eur=price * (1 - settings.critical_ratio), **nothing)
    return table if settings.trays else table.with_columns(tray=pl.lit(1, dtype=pl.Int64))


def _shelf(latent: Ints, stock: Ints, draw: np.random.Generator) -> dict[str, pl.Series]:
    """Let customers meet this stock; of so many arrivals the last one served comes at a Beta-distributed share of the day."""
    sold = np.minimum(latent, stock)
    last = draw.beta(np.maximum(sold, 1), latent - sold + 1)
    hour = pl.Series(np.interp(last, CAME, HOURS))
    return {
        "sold": pl.Series(sold),
        "returned": pl.Series(stock - sold),
        "sold_out": pl.Series(sold == stock),
        "last_sale": pl.select(pl.when(pl.Series(sold) > 0).then(hour)).to_series(),
    }


def _orders(settings: WorldSettings, asked: Demand, tray: Ints) -> Ints:
    """Order day by day from what the planner saw: sales of the last open same weekdays, never demand."""
    shape = asked.listed.shape[1:]
    guess = np.exp(rng(settings, "first guess").normal(0, FIRST_GUESS, shape)) * (asked.mean + asked.preordered)
    factor, reserve = _habit(settings, asked), RESERVE if settings.planner == "noisy" else 0.0
    seen = np.full((7, WEEKS_REMEMBERED if settings.planner == "noisy" else 1, *shape), np.nan)
    orders = np.zeros(asked.listed.shape, dtype=np.int64)
    for number, day in enumerate(asked.days):
        listed, past = asked.listed[number], seen[day.weekday()]
        known = np.isfinite(past).sum(axis=0)
        usual = np.where(known > 0, np.nansum(past, axis=0) / np.maximum(known, 1), guess[number])
        wanted = np.maximum(
            np.round(usual * factor[number] + reserve * np.sqrt(usual)), np.maximum(asked.preordered[number], 1)
        )  # never none at all
        orders[number] = np.where(listed, _whole(wanted, tray), 0)
        sold = np.minimum(asked.latent[number], orders[number])
        felt = np.where(sold == orders[number], np.ceil(sold * SOLD_OUT_ADDED), sold) if settings.censoring else asked.latent[number]
        if not asked.special[number]:
            seen[day.weekday()] = np.where(listed, np.concatenate([past[1:], felt[None]]), past)
    return orders


def _habit(settings: WorldSettings, asked: Demand) -> Floats:
    if settings.planner != "noisy":
        return np.ones(asked.listed.shape)
    draw = rng(settings, "planner")
    habit = draw.uniform(*HABIT, len(asked.branches))[:, None] * np.exp(draw.normal(0, settings.planner_noise, asked.listed.shape))
    day = np.where(asked.promotion, PROMOTION_GUESS, 1.0) * np.where(asked.eve, EVE_GUESS, 1.0)[:, None]
    return np.asarray(habit * day[:, None, :])

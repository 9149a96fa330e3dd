"""Exercise 10. The 0.75 quantile of the last eight same weekdays, times 1.4 on a day of promotion: saves about 40 %.

The weeks before do not say which of them were promoted, so the quantile is a little high on ordinary days. Without the promotion it saves
about 37 %, the quantile of four weeks 36 %, the mean of eight weeks 26 %, the mean of four weeks 22 %.
"""

import numpy as np
import polars as pl


def order(rows):
    past = rows.select(f"week{n}" for n in range(1, 9)).to_numpy()
    lift = rows.select(pl.when(pl.col("promotion")).then(1.4).otherwise(1.0)).to_series().to_numpy()
    return rows.with_columns(order=pl.Series(np.round(np.quantile(past, 0.75, axis=1) * lift)))

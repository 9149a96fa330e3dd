"""Exercise 5. Closed days (nan) leave numerator and denominator; whole pieces: demand equal to the quantile is covered."""

import numpy as np


def coverage(truth, quantile):
    open_days = ~np.isnan(truth)
    return float(np.mean(truth[open_days] <= quantile[open_days]))


def band_coverage(truth, low, high):
    open_days = ~np.isnan(truth)
    return float(np.mean((truth >= low)[open_days] & (truth <= high)[open_days]))

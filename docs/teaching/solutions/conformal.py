"""Exercise 6. The (n + 1) comes from ranking the new day among the n old ones; Python counts from 0, hence k - 1."""

from math import ceil

import numpy as np


def recalibrated(truth, forecast, later, level):
    ratios = np.sort(truth / forecast)
    return later * ratios[ceil((len(ratios) + 1) * level) - 1]

"""Exercise 4. Product-limit estimate: a day sold out at n is at risk up to and including n, and never stops."""

import numpy as np


def share_above(sold, sold_out, pieces):
    share = 1.0
    for n in np.unique(sold[~sold_out]):
        if n <= pieces:
            share *= 1 - np.sum((sold == n) & ~sold_out) / np.sum(sold >= n)
    return float(share)

"""Exercise 7. Add up first, then divide; numerator and denominator of a draw come from the same weeks."""

import numpy as np


def captured_share(usual, plan, perfect):
    return float((usual - plan).sum() / (usual - perfect).sum())


def interval(usual, plan, perfect, draws):
    shares = [captured_share(usual[weeks], plan[weeks], perfect[weeks]) for weeks in draws]
    return float(np.quantile(shares, 0.025)), float(np.quantile(shares, 0.975))

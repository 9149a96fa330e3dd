"""Exercise 3. One more piece pays as long as P(demand > order) x underage exceeds P(demand <= order) x overage."""

import numpy as np


def critical_ratio(price, unit_cost, salvage, goodwill):
    underage, overage = price - unit_cost + goodwill, unit_cost - salvage
    return underage / (underage + overage)


def best_order(demands, underage, overage):
    ratio = underage / (underage + overage)
    return min(float(demand) for demand in demands if np.mean(demands <= demand) >= ratio)

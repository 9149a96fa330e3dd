"""Exercise 9. Gains fall, so the best tray not yet taken is always the next one of some product: greedy is optimal (Fox 1966)."""


def share_oven(gains, trays):
    taken = [0] * len(gains)
    for _ in range(trays):
        following = [row[n] if n < len(row) else 0.0 for row, n in zip(gains, taken, strict=True)]
        best = max(range(len(gains)), key=lambda product: following[product])
        if following[best] <= 0:
            break
        taken[best] += 1
    return taken

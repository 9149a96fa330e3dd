"""Exercise 9: sharing an oven: the trays that gain most, never one that gains nothing."""

from collections.abc import Callable, Sequence

import numpy as np

from pipelines.exercises.judging import Question, questions

Gains = Sequence[Sequence[float]]


def _taken(gains: Gains, trays: int, key: Callable[[int, int], float], *, all_of_them: bool = False) -> list[int]:
    """Take tray by tray in descending order of `key(product, number)` while the oven has room."""
    wanted = [(key(product, number), -product, product) for product, row in enumerate(gains) for number in range(len(row))
              if all_of_them or row[number] > 0]  # fmt: skip
    chosen = [product for _, _, product in sorted(wanted, reverse=True)[:trays]]
    return [chosen.count(product) for product in range(len(gains))]


def share_oven(gains: Gains, trays: int) -> list[int]:
    """Return trays per product: the best ones of all products (Fox 1966; gains fall from tray to tray)."""
    return _taken(gains, trays, lambda product, number: gains[product][number])


def _positive(row: Sequence[float]) -> int:
    return sum(gain > 0 for gain in row)


def _even(gains: Gains, trays: int) -> list[int]:
    return [min(trays // len(gains), _positive(row)) for row in gains]


def _proportional(gains: Gains, trays: int) -> list[int]:
    wanted = [_positive(row) for row in gains]
    share = min(1.0, trays / max(sum(wanted), 1))
    return [int(number * share) for number in wanted]


def _cases() -> list[tuple[list[list[float]], int]]:
    draw, cases = np.random.default_rng(9), []
    for products, trays in ((3, 5), (4, 7), (5, 9), (3, 14)):
        steps = [np.sort(draw.normal(1, 3, 5) + size)[::-1] for size in draw.uniform(0, 3, products)]
        cases.append(([row.round(2).tolist() for row in steps], trays))
    return cases


QUESTIONS = (
    Question(
        "share_oven",
        right=share_oven,
        mistakes={
            "capacity_ignored": lambda gains, trays: [_positive(row) for row in gains],
            "capacity_first": lambda gains, trays: _taken(gains, trays, lambda product, number: -float(product)),
            "capacity_even": _even,
            "capacity_proportional": _proportional,
            "capacity_full": lambda gains, trays: _taken(gains, trays, lambda product, number: gains[product][number], all_of_them=True),
            "capacity_best_first": lambda gains, trays: _taken(gains, trays, lambda product, number: max(gains[product])),
            "capacity_total": lambda gains, trays: _taken(gains, trays, lambda product, number: sum(gains[product])),
        },
        cases=_cases,
        view=list,
    ),
)
judge = questions(*QUESTIONS)

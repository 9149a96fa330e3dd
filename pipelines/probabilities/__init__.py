"""What is known about probabilities of a yes-or-no outcome: how good they are, exact intervals, conformal sets, safe thresholds."""

from pipelines.probabilities.conformal import ClassThresholds, class_thresholds, coverage, sets
from pipelines.probabilities.curves import caught_curve, net_benefit
from pipelines.probabilities.exact import clopper_pearson, events_needed, upper_miss_rate
from pipelines.probabilities.risk_control import Threshold, recall_threshold
from pipelines.probabilities.scores import (
    auprc,
    auroc,
    bootstrap,
    brier,
    ece,
    probability_bounds,
    probability_scores,
    reliability,
    slope_intercept,
)

__all__ = ["ClassThresholds", "Threshold", "auprc", "auroc", "bootstrap", "brier", "caught_curve", "class_thresholds", "clopper_pearson",
           "coverage", "ece", "events_needed", "net_benefit", "probability_bounds", "probability_scores", "recall_threshold", "reliability",
           "sets", "slope_intercept", "upper_miss_rate"]  # fmt: skip

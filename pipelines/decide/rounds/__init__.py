"""Delivery rounds: which vehicle serves which customer in which order, within time windows, driver hours and loads; solved by PyVRP."""

from pipelines.decide.rounds.check import check_rounds
from pipelines.decide.rounds.drive import Driven, drive
from pipelines.decide.rounds.model import Customers, Round, Rounds, Units, Vehicle
from pipelines.decide.rounds.plan import ITERATIONS, plan_rounds
from pipelines.decide.rounds.read import read_solomon, read_vrplib

__all__ = ["ITERATIONS", "Customers", "Driven", "Round", "Rounds", "Units", "Vehicle", "check_rounds", "drive", "plan_rounds",
           "read_solomon", "read_vrplib"]  # fmt: skip

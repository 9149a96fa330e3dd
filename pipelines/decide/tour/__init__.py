"""One truck's tour tonight: which stations to visit, in which order, how many bikes to load or unload, or to stay at home.

Maximises the expected loss saved less what the truck costs. Source of the problem: Raviv, Tzur and Forma (2013), Static
repositioning in a bike-sharing system. See docs/explanation/tours.md for the method.
"""

from pipelines.decide.tour.check import check_tour
from pipelines.decide.tour.model import Stops, Tour, Truck
from pipelines.decide.tour.reasons import Reason, stop_reasons
from pipelines.decide.tour.search import ITERATIONS, plan_tour

__all__ = ["ITERATIONS", "Reason", "Stops", "Tour", "Truck", "check_tour", "plan_tour", "stop_reasons"]

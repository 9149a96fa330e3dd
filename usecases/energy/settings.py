from pipelines.settings import CaseSettings, Frozen
from pydantic import Field
from typing import Literal
class Forecast(Frozen):
    weather: Literal["none","forecast"]="none"
class Energy(CaseSettings):
    forecast: Forecast = Forecast()

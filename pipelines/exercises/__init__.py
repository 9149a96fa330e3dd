"""Exercises: scripts with gaps for people who learn, and checks of their answers on cases they have not seen."""

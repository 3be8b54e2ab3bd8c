"""Activations: functions of each element by itself."""

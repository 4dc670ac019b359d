"""The training loop, optimisers, schedules, weight averaging and checkpoints.

Training receives a module and batches; it knows neither the networks nor the data sets.
"""

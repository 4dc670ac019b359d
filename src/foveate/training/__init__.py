"""The training loop, optimisers, schedules, weight averaging and checkpoints."""

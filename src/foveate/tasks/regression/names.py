"""What a regression gives and is measured by."""

from foveate.tasks.measures import Metric

VALUES = "values"
VALUE = Metric("value", is_fraction=False)
R2 = Metric("r2", is_fraction=False, title="R²")
MAE = Metric("mae", higher_is_better=False, is_fraction=False, title="mean absolute error")
RMSE = Metric("rmse", higher_is_better=False, is_fraction=False, title="root mean squared error")

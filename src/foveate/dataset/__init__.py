"""Where samples come from: data sets in every supported form, their splits, and what is wrong with them."""

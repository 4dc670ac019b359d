"""What is wrong with a data set: one pass over its pictures, and findings in sentences."""

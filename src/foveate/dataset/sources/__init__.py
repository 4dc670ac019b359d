"""Forms in which pictures come with their answers: one form a file."""

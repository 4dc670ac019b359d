"""What an answer is: one folder for each kind. Every room asks the task; no room asks which task."""

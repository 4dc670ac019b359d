"""The guide that runs: chapters whose programs, pictures and numbers are made when the pages are."""

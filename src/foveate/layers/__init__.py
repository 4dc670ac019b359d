"""Torch modules that torch lacks, and blocks that networks share."""

"""A page that answers by itself: a network and its engine in a folder that any web host can serve."""

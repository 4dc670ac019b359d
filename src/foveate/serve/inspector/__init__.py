"""The inspector: a network at work, looked at from inside. The one part of `serve` that uses torch.

nets.py       the networks that can be looked into        pictures.py   the pictures they look at
runs.py       one picture through one network, with covers and edits; what is kept of it
network.py    a network as JSON                           sums.py       one number's arithmetic as JSON
drawing.py    maps as pictures                            heat.py       heat maps over the picture
blueprints.py networks being designed                     trainings.py  and trained, one at a time
sandbox.py    one convolution to play with                shelf.py      what is kept, and for how long
asked.py      requests read and checked                   desk.py       one computation after the other
app.py        which path leads where                      server.py     start and stop
"""

"""The inspector: a network at work, looked at from inside, and networks designed and trained, in the browser.

networks.py        the networks that can be looked into     pictures.py     the pictures they look at
runs.py            one picture through one network, with covers and edits; what is kept of it
network_json.py    a network as JSON                        sums.py         one number's arithmetic as JSON
drawing.py         maps as pictures                         heat.py         heat maps over the picture
blueprint_checks.py networks being designed                 trainings.py    and trained, one at a time
example_blueprints.py networks to begin a design with       data_choices.py what may be trained on
session.py         what the endpoints share                 newest.py       the newest few of a kind are kept
requests.py        requests read and checked                worker.py       one computation after the other
network_endpoints.py, design_endpoints.py                   pages.py        the pages and their files
app.py             which path leads where                   server.py       start and stop
"""

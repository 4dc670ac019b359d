"""A model folder over HTTP, without torch: `foveate serve MODEL`.

http1.py        the grammar of HTTP/1.1: a request's head, where its body ends
connection.py   a connection: requests in turn, each phase with its time and limit
exchange.py     one request and its answer, for the application
guard.py        who may ask: Host, Origin, key; what every answer carries
body.py         a request's body, within limits -> pictures
engine.py       pictures -> the network's outputs: decode in threads, run in batches, refuse at once when full
documents.py    what is asked and answered, as types, of which openapi.py makes the description
predict.py      POST /predict          inference.py   the Open Inference Protocol, /v2
pages.py        GET /, /docs           app.py         which path leads where
server.py       start, stop, drain
"""

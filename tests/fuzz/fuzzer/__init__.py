"""A fuzzer of the whole server: every route, with hostile keys and values, in sequences of requests.

`routes` lists what can be requested, from the API descriptions and from the applications themselves.
`request_generator` makes requests, from a seed. `servers` sends them, in this process and over a socket.
`failures` says which responses are failures, and makes a failing sequence of requests as short as possible.
"""

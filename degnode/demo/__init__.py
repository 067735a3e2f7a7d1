"""The demo: energy traded from the first look to the bill, for real, in one story for each use case.

`program` has the stories by name; `stage` is what all of them have at hand, `stories` what each tells,
`catalogues` what their sellers sell.
"""

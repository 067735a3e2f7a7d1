"""IEEE 2030.5 as it is spoken: XML in and out, who a device is, the mirror's routes, the utility's server.

Everything here ends in, or begins with, `metering.documents`; what a document means is decided elsewhere.
"""

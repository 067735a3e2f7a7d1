"""The central system of OCPP 1.6 and 2.0.1: stations connect to it by WebSocket.

Frames and their schemas are those of the library `ocpp`; numbers are exact, which its own connection's are
not.
"""

"""Charging stations and other places where energy is handed over: told what to do, heard of what happens.

A port, a store of commands with the desk that carries them out, and the port's adapters: an OCPP central
system, a simulator, a webhook. No contract, no price and nothing of the Beckn wire: who hears of a
station's events knows those.
"""

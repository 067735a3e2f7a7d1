"""Payments: how bills are paid, and how a trade is paid ahead.

What a rail (a bank, a card scheme, a wallet) says is kept once and then moves a payment, the ledger and
the bills in one unit of work. No network here but behind the port.
"""

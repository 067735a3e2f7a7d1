"""Who gets which watt-hour: one meter's energy over the contracts that claim it, by one of several rules.

Pure, whole Wh. What is allocated on one side is no delivery yet: `settlement.matching` compares both.
"""

"""What is delivered under a contract: both sides' allocations compared, per interval or over the window.

Pure, whole Wh. Losses, cuts and missing intervals are reported beside what is settled.
"""

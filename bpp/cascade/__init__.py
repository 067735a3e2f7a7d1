"""Asking the distribution utilities of a trade, as their BAP, before the buyer is answered.

What is asked is a row that says whose request waits for it. A handler that has to ask returns nothing; once
every utility has answered it runs again with the same request, finds the answers, and its callback is sent.
"""

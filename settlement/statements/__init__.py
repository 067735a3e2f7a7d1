"""A bill as one document that says all that it follows from, so that anybody can compute it again."""

"""What an operator decides of meters and readings, and what follows of that in the house."""
